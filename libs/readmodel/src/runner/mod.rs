//! Follows the log for one projection.

mod chain;
mod interrupt;
mod write;

use std::{convert::Infallible, sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::watch;

use self::{chain::Tip, interrupt::Interrupt};
use crate::{
    checkpoint::{self, Checkpoint},
    names::NameCache,
    projection::{Batch, Projected, Projection},
    source::{CommitSource, StoredCommit},
};

/// Commits in one transaction at most.
const BATCH_COMMITS: usize = 500;
/// Bytes of commits in one transaction at most, unless one alone is larger.
const BATCH_BYTES: usize = 4 << 20;
/// First and longest pause before something unavailable is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long another projector may be silent before its place is tried for.
const STANDBY: Duration = Duration::from_secs(5);

/// Why a projection stopped: a commit is missing, was changed, or cannot be applied. It starts
/// again at the same commit when it is run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("projection `{projection}` stopped after commit {seq}: {why}")]
pub struct Halt {
    /// The projection.
    pub projection: &'static str,
    /// Last commit applied.
    pub seq: u64,
    /// Why, naming the sequence.
    pub why: String,
}

/// How a runner is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// It has not read anything yet.
    #[default]
    Starting,
    /// It applies commits as they come.
    Following,
    /// Postgres, the log or the vault do not answer; it tries for ever.
    Waiting(String),
    /// Another projector does the work; it takes over when that falls silent.
    Standby,
    /// It cannot go on.
    Stopped(String),
}

/// Where a runner is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// How it is doing.
    pub health: Health,
    /// Last commit it knows to be applied.
    pub revision: u64,
}

/// Follows the log for one projection.
pub struct Runner {
    pool: PgPool,
    projection: Arc<dyn Projection>,
    source: Arc<dyn CommitSource>,
    names: Arc<NameCache>,
    progress: watch::Sender<Progress>,
}

impl Runner {
    pub(crate) fn new(
        pool: PgPool,
        projection: Arc<dyn Projection>,
        source: Arc<dyn CommitSource>,
        names: Arc<NameCache>,
    ) -> Self {
        Self {
            pool,
            projection,
            source,
            names,
            progress: watch::Sender::default(),
        }
    }

    /// The projection's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// Where it is, now and from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Applies commits for ever; returns only when it cannot go on. Dropping the future is safe at
    /// any point: rows and checkpoint are written together or not at all.
    pub async fn run(&self) -> Halt {
        let mut pause = BACKOFF.0;
        loop {
            let before = self.progress.borrow().revision;
            let Err(interrupt) = self.follow().await;
            if self.progress.borrow().revision > before {
                pause = BACKOFF.0;
            }
            match interrupt {
                Interrupt::Retry(why) => {
                    tracing::warn!(projection = self.name(), %why, "a projection waits and tries again");
                    self.set_health(Health::Waiting(why));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
                Interrupt::Lost { from } => self.stand_by(from).await,
                Interrupt::Stop { seq, why } => return self.halt(seq, why).await,
            }
        }
    }

    async fn follow(&self) -> Result<Infallible, Interrupt> {
        let checkpoint = self.checkpoint().await?;
        let mut tip = Tip {
            seq: checkpoint.seq,
            hash: checkpoint.hash,
        };
        self.set_progress(Health::Following, tip.seq);
        let mut reader = self.source.open(tip.seq.max(1));
        let mut confirmed = tip.seq == 0;
        if !confirmed {
            self.check_end(&checkpoint).await?;
        }
        loop {
            let mut stored = reader
                .next_batch(BATCH_COMMITS)
                .await
                .map_err(|error| Interrupt::source(error, tip.seq))?;
            if !confirmed && !stored.is_empty() {
                tip.confirm(&stored.remove(0))
                    .map_err(|broken| Interrupt::stop(tip.seq, &broken))?;
                confirmed = true;
            }
            self.apply_all(&mut tip, stored).await?;
        }
    }

    /// The checkpoint; starts over when the rows are of an older version.
    async fn checkpoint(&self) -> Result<Checkpoint, Interrupt> {
        let projection = &*self.projection;
        loop {
            let checkpoint = checkpoint::load(&self.pool, projection).await?;
            if checkpoint.version == projection.version() {
                return Ok(checkpoint);
            }
            if checkpoint.version > projection.version() {
                return Err(Interrupt::Lost {
                    from: checkpoint.seq,
                });
            }
            tracing::info!(
                projection = self.name(),
                from = checkpoint.version,
                to = projection.version(),
                "a projection is built again: its version changed"
            );
            checkpoint::start_over(&self.pool, projection, checkpoint.version).await?;
        }
    }

    /// The log must reach at least as far as what was read of it.
    async fn check_end(&self, checkpoint: &Checkpoint) -> Result<(), Interrupt> {
        let seq = checkpoint.seq;
        let last = self
            .source
            .last()
            .await
            .map_err(|error| Interrupt::source(error, seq))?;
        if last < seq {
            let why =
                format!("the log ends at commit {last}, but commit {seq} was already applied");
            return Err(Interrupt::Stop { seq, why });
        }
        if last == seq && checkpoint.stopped {
            checkpoint::set_stopped(&self.pool, &*self.projection, seq, None).await?;
        }
        Ok(())
    }

    async fn apply_all(&self, tip: &mut Tip, stored: Vec<StoredCommit>) -> Result<(), Interrupt> {
        let mut from = *tip;
        let mut commits: Vec<Projected> = Vec::with_capacity(stored.len());
        let mut bytes = 0;
        for one in stored {
            if bytes + one.bytes.len() > BATCH_BYTES && !commits.is_empty() {
                self.apply(from, std::mem::take(&mut commits)).await?;
                from = *tip;
                bytes = 0;
            }
            bytes += one.bytes.len();
            match tip.link(one) {
                Ok(commit) => commits.push(commit),
                Err(broken) => {
                    let good = *tip;
                    self.apply(from, commits).await?;
                    return Err(Interrupt::stop(good.seq, &broken));
                }
            }
        }
        self.apply(from, commits).await
    }

    async fn apply(&self, from: Tip, commits: Vec<Projected>) -> Result<(), Interrupt> {
        if commits.is_empty() {
            return Ok(());
        }
        let texts = self.texts(&commits).await?;
        self.write(from, Batch { commits, texts }).await
    }

    fn set_health(&self, health: Health) {
        self.progress
            .send_modify(|progress| progress.health = health);
    }

    fn set_progress(&self, health: Health, revision: u64) {
        metrics::gauge!("maestro_projection_revision", "projection" => self.name())
            .set(revision as f64);
        self.progress.send_replace(Progress { health, revision });
    }

    /// Waits until whoever moved the checkpoint past `from` does not move it any more.
    async fn stand_by(&self, from: u64) {
        let mut seen = from;
        tracing::info!(
            projection = self.name(),
            seq = from,
            "another projector moved the checkpoint; standing by"
        );
        self.set_health(Health::Standby);
        loop {
            tokio::time::sleep(STANDBY).await;
            match checkpoint::load(&self.pool, &*self.projection).await {
                Ok(now) if now.version > self.projection.version() => seen = now.seq,
                Ok(now) if now.seq != seen => seen = now.seq,
                _ => return,
            }
        }
    }

    async fn halt(&self, seq: u64, why: String) -> Halt {
        tracing::error!(projection = self.name(), seq, %why, "a projection stopped");
        self.set_health(Health::Stopped(why.clone()));
        let mut pause = BACKOFF.0;
        while let Err(error) =
            checkpoint::set_stopped(&self.pool, &*self.projection, seq, Some(&why)).await
        {
            tracing::warn!(projection = self.name(), %error, "the stop could not be recorded yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
        Halt {
            projection: self.name(),
            seq,
            why,
        }
    }
}
