//! Follows the log for one projection.

mod chain;
mod interrupt;
mod write;

use std::{convert::Infallible, sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::watch;

pub(crate) use self::{
    chain::Tip,
    interrupt::{Interrupt, chain_of},
    write::{Writer, notify},
};
use crate::{
    checkpoint::{self, Checkpoint},
    jobs::{self, Job, JobKind, JobState},
    names::NameCache,
    projection::{Projected, Projection},
    source::{CommitSource, StoredCommit},
};

/// Commits in one transaction at most.
const BATCH_COMMITS: usize = 500;
/// Bytes of commits in one transaction at most, unless one alone is larger.
const BATCH_BYTES: usize = 4 << 20;
/// First and longest pause before something unavailable is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a projection whose rows are being built looks whether they are there.
const LOOK_AT_REBUILD: Duration = Duration::from_millis(500);
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
    /// The rows are of an older version; those of this one are built beside them.
    Rebuilding,
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
    writer: Writer,
    source: Arc<dyn CommitSource>,
}

impl Runner {
    pub(crate) fn new(
        pool: PgPool,
        projection: Arc<dyn Projection>,
        source: Arc<dyn CommitSource>,
        names: Arc<NameCache>,
    ) -> Self {
        Self {
            writer: Writer::new(pool, projection, names, true),
            source,
        }
    }

    /// The projection's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.projection().name()
    }

    fn projection(&self) -> &dyn Projection {
        &*self.writer.projection
    }

    fn pool(&self) -> &PgPool {
        &self.writer.pool
    }

    /// Where it is, now and from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.writer.progress().subscribe()
    }

    /// Applies commits for ever; returns only when it cannot go on. Dropping the future is safe at
    /// any point: rows and checkpoint are written together or not at all.
    pub async fn run(&self) -> Halt {
        let mut pause = BACKOFF.0;
        loop {
            let before = self.revision();
            let Err(interrupt) = self.follow().await;
            if self.revision() > before {
                pause = BACKOFF.0;
            }
            match interrupt {
                Interrupt::Retry(why) => {
                    tracing::warn!(projection = self.name(), %why, "a projection waits and tries again");
                    self.writer.set_health(Health::Waiting(why));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                }
                Interrupt::Lost { from } => self.stand_by(from).await,
                Interrupt::Replaced => tracing::info!(
                    projection = self.name(),
                    "the rows were replaced by others built beside them; going on with those"
                ),
                Interrupt::Outdated { seq } => {
                    if let Err(why) = self.await_rebuild(seq).await {
                        return self.halt(seq, why).await;
                    }
                }
                Interrupt::Stop { seq, why } => return self.halt(seq, why).await,
            }
        }
    }

    async fn follow(&self) -> Result<Infallible, Interrupt> {
        let checkpoint = self.checkpoint().await?;
        self.writer.set_generation(checkpoint.generation);
        let mut tip = Tip::from(&checkpoint);
        self.writer.set_progress(Health::Following, tip.seq);
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

    fn revision(&self) -> u64 {
        self.writer.progress().borrow().revision
    }

    /// The checkpoint of rows of this version.
    async fn checkpoint(&self) -> Result<Checkpoint, Interrupt> {
        let projection = self.projection();
        loop {
            let checkpoint = checkpoint::load(self.pool(), projection).await?;
            let seq = checkpoint.seq;
            if checkpoint.version == projection.version() {
                return Ok(checkpoint);
            }
            if checkpoint.version > projection.version() {
                return Err(Interrupt::Lost { from: seq });
            }
            if seq > 0 {
                return Err(Interrupt::Outdated { seq });
            }
            checkpoint::adopt_empty(self.pool(), projection).await?;
        }
    }

    /// Waits until the rows of this version, built beside the older ones, took their place; those
    /// are served meanwhile as they were after commit `seq`. An error says why there will be none.
    async fn await_rebuild(&self, seq: u64) -> Result<(), String> {
        let projection = self.projection();
        tracing::info!(
            projection = self.name(),
            version = projection.version(),
            "a projection has a new version: it is built beside the old one"
        );
        self.writer.set_progress(Health::Rebuilding, seq);
        let mut asked = false;
        loop {
            match self.look_at_rebuild(&mut asked).await {
                Ok(Some(done)) => return done,
                Ok(None) => {}
                Err(error) => {
                    let why = chain_of(&error);
                    tracing::warn!(projection = self.name(), %why, "the rebuild cannot be seen");
                }
            }
            tokio::time::sleep(LOOK_AT_REBUILD).await;
        }
    }

    /// `None` while it goes on.
    async fn look_at_rebuild(
        &self,
        asked: &mut bool,
    ) -> Result<Option<Result<(), String>>, sqlx::Error> {
        let (pool, projection) = (self.pool(), self.projection());
        if checkpoint::load(pool, projection).await?.version >= projection.version() {
            return Ok(Some(Ok(())));
        }
        let last = jobs::find(pool, projection.name(), JobKind::Rebuild).await?;
        let ended = last.filter(|job| job.state.is_over());
        let ours = |job: &Job| job.version == projection.version().cast_unsigned();
        match ended {
            Some(job) if job.state == JobState::Canceled && ours(&job) => {
                let why = "the rebuild that its new version needs was canceled";
                Ok(Some(Err(why.to_owned())))
            }
            Some(job) if *asked && job.state == JobState::Failed => {
                let why = job.message.unwrap_or_default();
                Ok(Some(Err(format!("its new version cannot be built: {why}"))))
            }
            _ => {
                jobs::ask(pool, projection.name(), JobKind::Rebuild, None).await?;
                *asked = true;
                Ok(None)
            }
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
            checkpoint::set_stopped(self.pool(), self.projection(), seq, None).await?;
        }
        Ok(())
    }

    async fn apply_all(&self, tip: &mut Tip, stored: Vec<StoredCommit>) -> Result<(), Interrupt> {
        let mut from = *tip;
        let mut commits: Vec<Projected> = Vec::with_capacity(stored.len());
        let mut bytes = 0;
        for one in stored {
            if bytes + one.bytes.len() > BATCH_BYTES && !commits.is_empty() {
                let full = std::mem::take(&mut commits);
                self.writer.apply(from, full.into()).await?;
                from = *tip;
                bytes = 0;
            }
            bytes += one.bytes.len();
            match tip.link(one) {
                Ok(commit) => commits.push(commit),
                Err(broken) => {
                    let good = *tip;
                    self.writer.apply(from, commits.into()).await?;
                    return Err(Interrupt::stop(good.seq, &broken));
                }
            }
        }
        self.writer.apply(from, commits.into()).await
    }

    /// Waits until whoever moved the checkpoint past `from` does not move it any more.
    async fn stand_by(&self, from: u64) {
        let mut seen = from;
        tracing::info!(
            projection = self.name(),
            seq = from,
            "another projector moved the checkpoint; standing by"
        );
        self.writer.set_health(Health::Standby);
        loop {
            tokio::time::sleep(STANDBY).await;
            match checkpoint::load(self.pool(), self.projection()).await {
                Ok(now) if now.version > self.projection().version() => seen = now.seq,
                Ok(now) if now.seq != seen => seen = now.seq,
                _ => return,
            }
        }
    }

    async fn halt(&self, seq: u64, why: String) -> Halt {
        tracing::error!(projection = self.name(), seq, %why, "a projection stopped");
        self.writer.set_health(Health::Stopped(why.clone()));
        let mut pause = BACKOFF.0;
        while let Err(error) =
            checkpoint::set_stopped(self.pool(), self.projection(), seq, Some(&why)).await
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
