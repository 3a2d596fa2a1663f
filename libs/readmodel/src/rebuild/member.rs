//! One job from its beginning to its end.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Ended, Rebuilder,
    build::Build,
    compare,
    desk::{Desk, word},
    feed::Inlet,
    staging::{Staging, execute},
    switch::{self, Switch},
};
use crate::{
    checkpoint,
    jobs::{Finding, Job, JobKind, JobState},
    projection::Projection,
    runner::{Interrupt, Tip, Writer},
};

/// Pause before the tables of busy readers are asked for again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// A job that this projector works on.
pub(super) struct Member {
    desk: Desk,
    build: Build,
    staging: Staging,
    options: PgConnectOptions,
    /// Up to where the log is read together with other jobs.
    until: u64,
}

impl Member {
    /// Takes `job` on, unless another projector has it or there is nothing to do any more.
    pub(super) async fn open(
        by: &Rebuilder,
        live: &str,
        job: Job,
        projection: Arc<dyn Projection>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(mut desk) = Desk::open(&by.options, live, job).await? else {
            return Ok(None);
        };
        if !desk.begin(projection.version()).await? {
            return Ok(None);
        }
        let staging = Staging::new(live, &*projection, desk.job.kind);
        tracing::info!(
            projection = projection.name(),
            version = projection.version(),
            job = desk.job.kind.as_str(),
            number = desk.job.number,
            "a job on a projection begins, or goes on"
        );
        match Self::prepare(by, &mut desk, &staging, projection).await {
            Ok((build, until)) => Ok(Some(Self {
                desk,
                build,
                staging,
                options: by.options.clone(),
                until,
            })),
            Err(ended) => {
                settle(&mut desk, &staging, ended).await;
                Ok(None)
            }
        }
    }

    async fn prepare(
        by: &Rebuilder,
        desk: &mut Desk,
        staging: &Staging,
        projection: Arc<dyn Projection>,
    ) -> Result<(Build, u64), Ended> {
        let live = checkpoint::load(&by.pool, &*projection).await?;
        let last = by.source.last().await;
        let last = last.map_err(|error| Interrupt::source(error, live.seq))?;
        if live.version > projection.version() {
            return Err(Ended::Failed(format!(
                "the live rows are of version {}, this projector builds version {}",
                live.version,
                projection.version()
            )));
        }
        if last < live.seq {
            return Err(Ended::Failed(format!(
                "the log ends at commit {last}, but commit {} was already applied",
                live.seq
            )));
        }
        let version = projection.version();
        staging
            .prepare(&mut desk.db, word(&desk.job), version)
            .await?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(connection(&by.options, &staging.schema));
        let built = checkpoint::load(&pool, &*projection).await?;
        let build = Build {
            writer: Writer::new(pool, projection, Arc::clone(&by.names), false),
            source: Arc::clone(&by.source),
            tip: Tip::from(&built),
        };
        let until = match desk.job.kind {
            JobKind::Rebuild => last,
            // The live rows cannot go back to what they were.
            JobKind::Verify => live.seq,
        };
        (desk.job.revision, desk.job.target) = (built.seq, until);
        desk.say().await?;
        Ok((build, until))
    }

    pub(super) fn tip(&self) -> Tip {
        self.build.tip
    }

    pub(super) fn until(&self) -> u64 {
        self.until
    }

    pub(super) fn rate(&self) -> Option<u32> {
        self.desk.job.rate
    }

    /// Does the job; false when somebody has to go on later.
    pub(super) async fn work(mut self, mut chunks: Inlet) -> bool {
        let ended = match self.run(&mut chunks).await {
            Ok(finding) => {
                tracing::info!(
                    projection = self.desk.job.projection,
                    job = self.desk.job.kind.as_str(),
                    differs = finding.is_some(),
                    "a job on a projection is done"
                );
                return true;
            }
            Err(ended) => ended,
        };
        settle(&mut self.desk, &self.staging, ended).await
    }

    async fn run(&mut self, chunks: &mut Inlet) -> Result<Option<Finding>, Ended> {
        let until = self.until;
        self.build
            .absorb(chunks, until, Some(&mut self.desk))
            .await?;
        match self.desk.job.kind {
            JobKind::Rebuild => self.switch().await.map(|()| None),
            JobKind::Verify => self.compare().await,
        }
    }

    async fn switch(&mut self) -> Result<(), Ended> {
        self.finish().await?;
        self.desk.enter(JobState::Switching).await?;
        if self.build.writer.projection.is_evidence() {
            compare::evidence(&mut self.desk.db, &self.staging).await?;
        }
        loop {
            let last = self.build.last().await?;
            self.build.catch_up(last, Some(&mut self.desk)).await?;
            let (build, desk) = (&mut self.build, &mut self.desk);
            match switch::switch(build, desk, &self.staging).await? {
                Switch::Done => return Ok(()),
                Switch::Behind => {}
                Switch::Busy => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                    self.desk.say().await?;
                }
            }
        }
    }

    /// Gives the rows their indexes. What an interrupted projector did is not done again.
    async fn finish(&mut self) -> Result<(), Ended> {
        self.desk.enter(JobState::Indexing).await?;
        for statement in self.staging.finishing(&mut self.desk.db).await? {
            let mut db = self.build.writer.pool.acquire().await?;
            execute(&mut db, statement).await?;
            self.desk.say().await?;
        }
        Ok(())
    }

    /// Compares the live rows with those built, both as they are after the same commit.
    async fn compare(&mut self) -> Result<Option<Finding>, Ended> {
        self.desk.enter(JobState::Comparing).await?;
        let live = connection(&self.options, &self.staging.live);
        let mut live = PgConnection::connect_with(&live).await?;
        let mut live = live
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let at = sqlx::query!(
            "select seq, version from projection_checkpoints where name = $1",
            self.build.writer.projection.name()
        )
        .fetch_one(&mut *live)
        .await?;
        let version = self.build.writer.projection.version();
        if at.version != version {
            return Err(Ended::Failed(format!(
                "the live rows are of version {}; those of version {version} are not there yet",
                at.version
            )));
        }
        let seq = at.seq.cast_unsigned();
        self.build.catch_up(seq, Some(&mut self.desk)).await?;
        (self.desk.job.revision, self.desk.job.target) = (seq, seq);
        self.desk.say().await?;
        let mut built = self.build.writer.pool.acquire().await?;
        let projection = &*self.build.writer.projection;
        let finding = compare::first(&mut live, &mut built, &self.staging, projection).await?;
        drop(built);
        self.staging.remove(&mut self.desk.db).await?;
        self.desk
            .close(JobState::Done, None, finding.as_ref())
            .await?;
        Ok(finding)
    }
}

/// A connection of a job, which looks for tables in `schema` alone.
fn connection(options: &PgConnectOptions, schema: &str) -> PgConnectOptions {
    options.clone().options([
        ("search_path", super::staging::quoted(schema).as_str()),
        ("maintenance_work_mem", "128MB"),
    ])
}

/// Says how a job ended that is not done; true when nobody has to go on with it.
async fn settle(desk: &mut Desk, staging: &Staging, ended: Ended) -> bool {
    let projection = desk.job.projection.clone();
    let job = desk.job.kind.as_str();
    let (state, message) = match ended {
        Ended::Later(why) => {
            tracing::warn!(projection, job, %why, "a job on a projection waits");
            // Its connection may be what is gone; the job is taken up again in any case.
            let _ = desk.excuse(&why).await;
            return false;
        }
        Ended::Canceled => (JobState::Canceled, None),
        Ended::Failed(why) => (JobState::Failed, Some(why)),
    };
    match &message {
        Some(why) => tracing::error!(projection, job, %why, "a job on a projection failed"),
        None => tracing::info!(projection, job, "a job on a projection was called off"),
    }
    let closed = async {
        staging.remove(&mut desk.db).await?;
        desk.close(state, message.as_deref(), None).await
    };
    if let Err(error) = closed.await {
        tracing::warn!(projection, job, %error, "the end of a job cannot be recorded yet");
        return false;
    }
    true
}
