//! Rows and checkpoint in one transaction.

use std::{
    any::Any,
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use sqlx::{PgConnection, PgPool};
use tokio::{sync::watch, time::Instant};

use super::{Health, Progress, Tip, interrupt::Interrupt};
use crate::{
    changes::{CHANNEL, ChangeSet},
    checkpoint,
    error::ApplyError,
    names::{NameCache, Texts},
    projection::{Batch, Projected, Projection},
};

/// Longest a transaction may take before its connection counts as dead.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why a transaction was not committed.
enum Failure {
    Lost,
    Apply(ApplyError),
    TimedOut,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(error.into())
    }
}

/// Writes what a projection makes of commits into the tables that the connections of a pool find
/// first: the live ones, or those built beside them.
pub(crate) struct Writer {
    pub(crate) pool: PgPool,
    pub(crate) projection: Arc<dyn Projection>,
    names: Arc<NameCache>,
    progress: watch::Sender<Progress>,
    /// Generation of the rows written to.
    generation: AtomicI64,
    /// Whether readers look at what it writes.
    live: bool,
}

impl Writer {
    pub(crate) fn new(
        pool: PgPool,
        projection: Arc<dyn Projection>,
        names: Arc<NameCache>,
        live: bool,
    ) -> Self {
        Self {
            pool,
            projection,
            names,
            progress: watch::Sender::default(),
            generation: AtomicI64::new(0),
            live,
        }
    }

    pub(crate) fn progress(&self) -> &watch::Sender<Progress> {
        &self.progress
    }

    pub(super) fn set_generation(&self, generation: i64) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Applies `commits`, which follow `from`, in one transaction.
    pub(crate) async fn apply(
        &self,
        from: Tip,
        commits: Arc<[Projected]>,
    ) -> Result<(), Interrupt> {
        if commits.is_empty() {
            return Ok(());
        }
        let texts = self.texts(&commits).await?;
        self.write(from, Batch { commits, texts }).await
    }

    /// What the commits need from the vault.
    async fn texts(&self, commits: &[Projected]) -> Result<Texts, Interrupt> {
        let mut keys = BTreeSet::new();
        for event in commits
            .iter()
            .flat_map(|projected| projected.commit.events())
        {
            self.projection.texts(event, &mut keys);
        }
        Ok(self.names.resolve(keys).await?)
    }

    /// Writes `batch`. One that cannot be applied as a whole is applied commit by commit, so that
    /// everything before the culprit stands and the culprit is named.
    async fn write(&self, from: Tip, batch: Batch) -> Result<(), Interrupt> {
        let Err(failure) = self.try_write(from, &batch).await else {
            return Ok(());
        };
        if batch.commits.len() == 1 || !matches!(&failure, Failure::Apply(e) if !e.is_transient()) {
            return self.interrupt(failure, from, &batch).await;
        }
        let Batch { commits, texts } = batch;
        let mut from = from;
        for commit in commits.iter() {
            let single = Batch {
                commits: Arc::from([commit.clone()]),
                texts: texts.clone(),
            };
            if let Err(failure) = self.try_write(from, &single).await {
                return self.interrupt(failure, from, &single).await;
            }
            from = Tip::at(commit);
        }
        Ok(())
    }

    async fn interrupt(&self, failure: Failure, from: Tip, batch: &Batch) -> Result<(), Interrupt> {
        let first = batch.commits.first().map_or(from.seq, |commit| commit.seq);
        Err(match failure {
            Failure::TimedOut => Interrupt::Retry("a transaction took too long".to_owned()),
            Failure::Apply(error) => Interrupt::apply(&error, from.seq, first),
            Failure::Lost => {
                let now = checkpoint::load(&self.pool, &*self.projection).await?;
                let same = now.version == self.projection.version();
                if same && now.generation != self.generation.load(Ordering::Relaxed) {
                    Interrupt::Replaced
                } else if same && now.seq <= from.seq {
                    Interrupt::Retry(format!("the checkpoint went back to commit {}", now.seq))
                } else {
                    Interrupt::Lost { from: now.seq }
                }
            }
        })
    }

    async fn try_write(&self, from: Tip, batch: &Batch) -> Result<(), Failure> {
        let Some(last) = batch.commits.last() else {
            return Ok(());
        };
        let began = Instant::now();
        tokio::time::timeout(DEADLINE, self.transaction(from, batch, last))
            .await
            .map_err(|_| Failure::TimedOut)??;
        let name = self.projection.name();
        let live = if self.live { "true" } else { "false" };
        let labels = [("projection", name), ("live", live)];
        metrics::histogram!("maestro_projection_write_seconds", &labels)
            .record(began.elapsed().as_secs_f64());
        metrics::counter!("maestro_projection_commits_total", &labels)
            .increment(batch.commits.len() as u64);
        self.set_progress(Health::Following, last.seq);
        Ok(())
    }

    async fn transaction(&self, from: Tip, batch: &Batch, last: &Projected) -> Result<(), Failure> {
        let projection = &*self.projection;
        let mut tx = self.pool.begin().await?;
        let moved = checkpoint::advance(&mut tx, projection, from.seq, last).await;
        if !moved.map_err(Failure::Apply)? {
            return Err(Failure::Lost);
        }
        let applied = AssertUnwindSafe(projection.apply(&mut tx, batch))
            .catch_unwind()
            .await;
        let keys = applied
            .unwrap_or_else(|panic| Err(ApplyError::Panicked(panic_text(&*panic))))
            .map_err(Failure::Apply)?;
        if self.live {
            let change = ChangeSet {
                projection: projection.name().to_owned(),
                revision: last.seq,
                keys,
                resync: false,
            };
            notify(&mut tx, &change).await.map_err(Failure::Apply)?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) fn set_health(&self, health: Health) {
        self.progress
            .send_modify(|progress| progress.health = health);
    }

    pub(super) fn set_progress(&self, health: Health, revision: u64) {
        if self.live {
            let name = self.projection.name();
            metrics::gauge!("maestro_projection_revision", "projection" => name)
                .set(revision as f64);
        }
        self.progress.send_replace(Progress { health, revision });
    }
}

/// Tells everybody of `change` once the transaction of `db` is committed.
pub(crate) async fn notify(db: &mut PgConnection, change: &ChangeSet) -> Result<(), ApplyError> {
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, change.payload()?)
        .execute(db)
        .await?;
    Ok(())
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
