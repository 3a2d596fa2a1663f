//! The rows of `projection_jobs`.

use sqlx::{PgConnection, PgPool, types::Json};
use time::OffsetDateTime;

use super::{Finding, Job, JobKind, JobState};
use crate::codec::from_time;

struct Row {
    projection: String,
    kind: String,
    number: i64,
    state: String,
    version: i32,
    revision: i64,
    target: i64,
    rate: Option<i32>,
    cancel: bool,
    requested_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    message: Option<String>,
    finding: Option<Json<Finding>>,
}

impl TryFrom<Row> for Job {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let unknown = |what: &str, text: &str| {
            sqlx::Error::Decode(format!("projection_jobs holds an unknown {what}: {text:?}").into())
        };
        let kinds = [JobKind::Rebuild, JobKind::Verify];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == row.kind);
        let state = JobState::ALL.into_iter().find(|s| s.as_str() == row.state);
        Ok(Self {
            kind: kind.ok_or_else(|| unknown("kind", &row.kind))?,
            state: state.ok_or_else(|| unknown("state", &row.state))?,
            projection: row.projection,
            number: row.number.cast_unsigned(),
            version: row.version.cast_unsigned(),
            revision: row.revision.cast_unsigned(),
            target: row.target.cast_unsigned(),
            rate: row.rate.map(i32::cast_unsigned),
            cancel: row.cancel,
            requested_at: from_time(row.requested_at),
            started_at: row.started_at.map(from_time),
            finished_at: row.finished_at.map(from_time),
            message: row.message,
            finding: row.finding.map(|finding| finding.0),
        })
    }
}

/// Asks for a job; false when one of its kind is under way.
pub(crate) async fn ask(
    pool: &PgPool,
    projection: &str,
    kind: JobKind,
    rate: Option<i32>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into projection_jobs as j (projection, kind, rate) values ($1, $2, $3)
         on conflict (projection, kind) do update set number = j.number + 1, state = 'waiting',
             version = 0, revision = 0, target = 0, rate = excluded.rate, cancel = false,
             requested_at = now(), started_at = null, finished_at = null, message = null,
             finding = null
         where j.state in ('done', 'failed', 'canceled')",
        projection,
        kind.as_str(),
        rate,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn find(
    pool: &PgPool,
    projection: &str,
    kind: JobKind,
) -> Result<Option<Job>, sqlx::Error> {
    let jobs = list(pool).await?;
    Ok(jobs
        .into_iter()
        .find(|job| job.projection == projection && job.kind == kind))
}

pub(crate) async fn list(pool: &PgPool) -> Result<Vec<Job>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select projection, kind, number, state, version, revision, target, rate, cancel,
               requested_at, started_at, finished_at, message, finding as "finding: Json<Finding>"
           from projection_jobs order by projection, kind"#
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// The jobs that are not over.
pub(crate) async fn open(pool: &PgPool) -> Result<Vec<Job>, sqlx::Error> {
    let mut jobs = list(pool).await?;
    jobs.retain(|job| !job.state.is_over());
    Ok(jobs)
}

/// Wants everything under way on `projection` to end.
pub(crate) async fn cancel(pool: &PgPool, projection: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update projection_jobs set cancel = true
         where projection = $1 and state not in ('done', 'failed', 'canceled')",
        projection
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A job as those speak of it who hold its lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    pub(crate) projection: &'a str,
    pub(crate) kind: JobKind,
    pub(crate) number: u64,
}

/// Takes a job on; false when it is over or another one by now.
pub(crate) async fn begin(
    db: &mut PgConnection,
    job: Word<'_>,
    version: i32,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update projection_jobs
         set version = $4, state = 'building', started_at = coalesce(started_at, now()),
             message = null
         where projection = $1 and kind = $2 and number = $3
             and state not in ('done', 'failed', 'canceled')",
        job.projection,
        job.kind.as_str(),
        job.number.cast_signed(),
        version,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Says how far it is; true when somebody wants it to end.
pub(crate) async fn report(
    db: &mut PgConnection,
    job: Word<'_>,
    state: JobState,
    revision: u64,
    target: u64,
) -> Result<bool, sqlx::Error> {
    let cancel = sqlx::query_scalar!(
        "update projection_jobs set state = $4, revision = $5, target = $6
         where projection = $1 and kind = $2 and number = $3 returning cancel",
        job.projection,
        job.kind.as_str(),
        job.number.cast_signed(),
        state.as_str(),
        revision.cast_signed(),
        target.cast_signed(),
    )
    .fetch_optional(db)
    .await?;
    Ok(cancel.unwrap_or(true))
}

/// Says what is in its way.
pub(crate) async fn set_message(
    db: &mut PgConnection,
    job: Word<'_>,
    message: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update projection_jobs set message = $4
         where projection = $1 and kind = $2 and number = $3",
        job.projection,
        job.kind.as_str(),
        job.number.cast_signed(),
        message,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends it.
pub(crate) async fn end_in(
    db: &mut PgConnection,
    job: Word<'_>,
    state: JobState,
    message: Option<&str>,
    finding: Option<&Finding>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update projection_jobs
         set state = $4, message = $5, finding = $6, finished_at = now()
         where projection = $1 and kind = $2 and number = $3",
        job.projection,
        job.kind.as_str(),
        job.number.cast_signed(),
        state.as_str(),
        message,
        finding.map(Json) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}
