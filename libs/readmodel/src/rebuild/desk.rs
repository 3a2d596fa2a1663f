//! A job in the hands of the one projector that holds its lock.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::Instant;

use super::Ended;
use crate::jobs::{self, Finding, Job, JobState, Word};

/// How often a job's row says how far it is.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// A job, and the connection whose session holds the lock on its projection. Whoever lost the
/// connection lost the lock, and can neither speak for the job nor switch the tables any more.
pub(super) struct Desk {
    pub(super) job: Job,
    pub(super) db: PgConnection,
    state: JobState,
    reported: Option<Instant>,
}

impl Desk {
    /// Takes the lock on the job's projection; `None` when another projector has it.
    pub(super) async fn open(
        options: &PgConnectOptions,
        live: &str,
        job: Job,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut db = PgConnection::connect_with(options).await?;
        let name = format!("maestro projection {live}.{}", job.projection);
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock(hashtextextended($1, 0)) as "locked!""#,
            name
        )
        .fetch_one(&mut db)
        .await?;
        Ok(locked.then_some(Self {
            state: job.state,
            job,
            db,
            reported: None,
        }))
    }

    /// Takes the job on; false when it is over by now.
    pub(super) async fn begin(&mut self, version: i32) -> Result<bool, sqlx::Error> {
        self.state = JobState::Building;
        self.job.version = version.cast_unsigned();
        jobs::begin(&mut self.db, word(&self.job), version).await
    }

    /// Enters `state` and says so.
    pub(super) async fn enter(&mut self, state: JobState) -> Result<(), Ended> {
        self.state = state;
        self.say().await
    }

    /// Says how far it is, not more often than is of use.
    pub(super) async fn report(&mut self, revision: u64, target: u64) -> Result<(), Ended> {
        (self.job.revision, self.job.target) = (revision, target);
        if self
            .reported
            .is_some_and(|last| last.elapsed() < REPORT_EVERY)
        {
            return Ok(());
        }
        self.say().await
    }

    /// Fails with [`Ended::Canceled`] when somebody wants the job to end.
    pub(super) async fn say(&mut self) -> Result<(), Ended> {
        self.reported = Some(Instant::now());
        let (revision, target) = (self.job.revision, self.job.target);
        let canceled =
            jobs::report(&mut self.db, word(&self.job), self.state, revision, target).await?;
        if canceled {
            return Err(Ended::Canceled);
        }
        Ok(())
    }

    /// Ends the job.
    pub(super) async fn close(
        &mut self,
        state: JobState,
        message: Option<&str>,
        finding: Option<&Finding>,
    ) -> Result<(), sqlx::Error> {
        jobs::end_in(&mut self.db, word(&self.job), state, message, finding).await
    }

    /// Says what is in its way; somebody goes on later.
    pub(super) async fn excuse(&mut self, message: &str) -> Result<(), sqlx::Error> {
        jobs::set_message(&mut self.db, word(&self.job), message).await
    }
}

/// How [`jobs`] names a job.
pub(super) fn word(job: &Job) -> Word<'_> {
    Word {
        projection: &job.projection,
        kind: job.kind,
        number: job.number,
    }
}
