//! Puts the rows built in the place of the live ones, in one transaction.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    Ended,
    build::Build,
    desk::{Desk, word},
    staging::{Staging, execute, quoted},
};
use crate::{
    changes::{ChangeSet, ChangedKeys},
    error::is_transient,
    jobs::{self, JobState},
    runner::notify,
};

/// How long readers may be made to wait for one of the tables. Who waits longer for a lock than
/// this lets the others pass and tries again.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '200ms'";
/// Commits that are caught up with while the live projection waits, at most.
const CAUGHT_UP_WHILE_HELD: u64 = 2_000;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// Readers see the new rows.
    Done,
    /// The live rows are too far ahead: catch up first.
    Behind,
    /// Readers did not let go of a table in time.
    Busy,
}

/// Switches, unless readers are in the way. Readers never see fewer commits than before.
pub(super) async fn switch(
    build: &mut Build,
    desk: &mut Desk,
    staging: &Staging,
) -> Result<Switch, Ended> {
    match attempt(build, desk, staging).await {
        Ok(switch) => Ok(switch),
        Err(Failure::Database(error)) if lock_not_available(&error) => Ok(Switch::Busy),
        Err(Failure::Database(error)) => Err(error.into()),
        Err(Failure::Ended(ended)) => Err(ended),
    }
}

enum Failure {
    Database(sqlx::Error),
    Ended(Ended),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

async fn attempt(build: &mut Build, desk: &mut Desk, staging: &Staging) -> Result<Switch, Failure> {
    let projection = build.writer.projection.clone();
    let mut tx = desk.db.begin().await?;
    execute(&mut tx, LOCK_TIMEOUT.to_owned()).await?;
    // The live projection takes this lock first as well: it waits here, and no deadlock can be.
    let live = sqlx::query!(
        "select seq, version from projection_checkpoints where name = $1 for update",
        projection.name()
    )
    .fetch_one(&mut *tx)
    .await?;
    let (seq, version) = (live.seq.cast_unsigned(), live.version);
    if version > projection.version() {
        let why = format!("the live rows are of version {version} by now");
        return Err(Ended::Failed(why).into());
    }
    if seq > build.tip.seq + CAUGHT_UP_WHILE_HELD {
        return Ok(Switch::Behind);
    }
    build.catch_up(seq, None).await?;
    replace(&mut tx, staging, projection.is_evidence()).await?;
    move_checkpoint(&mut tx, staging, projection.name(), projection.version()).await?;
    staging.remove(&mut tx).await?;
    let change = ChangeSet {
        projection: projection.name().to_owned(),
        revision: build.tip.seq,
        keys: ChangedKeys::default(),
        resync: true,
    };
    notify(&mut tx, &change)
        .await
        .map_err(|error| Ended::Failed(error.to_string()))?;
    let revision = build.tip.seq;
    let job = word(&desk.job);
    jobs::report(&mut tx, job, JobState::Switching, revision, revision).await?;
    jobs::end_in(&mut tx, job, JobState::Done, None, None).await?;
    tx.commit().await?;
    Ok(Switch::Done)
}

async fn replace(
    db: &mut PgConnection,
    staging: &Staging,
    evidence: bool,
) -> Result<(), sqlx::Error> {
    for table in staging.tables {
        let (built, live) = staging.pair(table.name);
        if evidence {
            let fill = format!("insert into {live} select * from {built} on conflict do nothing");
            execute(db, fill).await?;
            continue;
        }
        execute(db, format!("drop table {live}")).await?;
        let schema = quoted(&staging.live);
        execute(db, format!("alter table {built} set schema {schema}")).await?;
    }
    Ok(())
}

/// The live checkpoint becomes that of the rows built.
async fn move_checkpoint(
    db: &mut PgConnection,
    staging: &Staging,
    projection: &str,
    version: i32,
) -> Result<(), Failure> {
    let (built, live) = staging.pair("projection_checkpoints");
    let statement = format!(
        "update {live} l set version = b.version, seq = b.seq, hash = b.hash,
             applied_at = b.applied_at, stopped = null, generation = l.generation + 1
         from {built} b
         where l.name = $1 and b.name = $1 and b.version = $2 and b.seq >= l.seq"
    );
    let done = sqlx::query(AssertSqlSafe(statement))
        .bind(projection)
        .bind(version)
        .execute(db)
        .await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let why = "the checkpoint of the rows built is not where it was left";
    Err(Ended::Later(why.to_owned()).into())
}

/// Whether a lock was not to be had in time, or only by a deadlock.
fn lock_not_available(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(|database| database.code());
    is_transient(error) && matches!(code.as_deref(), Some("55P03" | "40P01"))
}
