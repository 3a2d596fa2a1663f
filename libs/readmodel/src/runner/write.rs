//! Rows and checkpoint in one transaction.

use std::{any::Any, collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{Health, Runner, Tip, interrupt::Interrupt};
use crate::{
    changes::{CHANNEL, ChangeSet, ChangedKeys},
    checkpoint::{self, Checkpoint},
    error::ApplyError,
    names::Texts,
    projection::{Batch, Projected},
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

impl Runner {
    /// What the commits need from the vault.
    pub(super) async fn texts(&self, commits: &[Projected]) -> Result<Texts, Interrupt> {
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
    pub(super) async fn write(&self, from: Tip, batch: Batch) -> Result<(), Interrupt> {
        let Err(failure) = self.try_write(from, &batch).await else {
            return Ok(());
        };
        if batch.commits.len() == 1 || !matches!(&failure, Failure::Apply(e) if !e.is_transient()) {
            return self.interrupt(failure, from, &batch).await;
        }
        let Batch { commits, texts } = batch;
        let mut from = from;
        for commit in commits {
            let next = Tip {
                seq: commit.seq,
                hash: commit.hash,
            };
            let single = Batch {
                commits: vec![commit],
                texts: texts.clone(),
            };
            if let Err(failure) = self.try_write(from, &single).await {
                return self.interrupt(failure, from, &single).await;
            }
            from = next;
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
                if now.version == self.projection.version() && now.seq <= from.seq {
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
        metrics::histogram!("maestro_projection_write_seconds", "projection" => name)
            .record(began.elapsed().as_secs_f64());
        metrics::counter!("maestro_projection_commits_total", "projection" => name)
            .increment(batch.commits.len() as u64);
        self.set_progress(Health::Following, last.seq);
        Ok(())
    }

    async fn transaction(&self, from: Tip, batch: &Batch, last: &Projected) -> Result<(), Failure> {
        let projection = &*self.projection;
        let to = Checkpoint {
            seq: last.seq,
            hash: last.hash,
            version: projection.version(),
            stopped: false,
        };
        let mut tx = self.pool.begin().await?;
        let moved = checkpoint::advance(&mut tx, projection, from.seq, &to, last.commit.at).await;
        if !moved.map_err(Failure::Apply)? {
            return Err(Failure::Lost);
        }
        let applied = AssertUnwindSafe(projection.apply(&mut tx, batch))
            .catch_unwind()
            .await;
        let keys = applied
            .unwrap_or_else(|panic| Err(ApplyError::Panicked(panic_text(&*panic))))
            .map_err(Failure::Apply)?;
        notify(&mut tx, projection.name(), last.seq, keys)
            .await
            .map_err(Failure::Apply)?;
        Ok(tx.commit().await?)
    }
}

async fn notify(
    db: &mut PgConnection,
    projection: &str,
    revision: u64,
    keys: ChangedKeys,
) -> Result<(), ApplyError> {
    let change = ChangeSet {
        projection: projection.to_owned(),
        revision,
        keys,
        resync: false,
    };
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
