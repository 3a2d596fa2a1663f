//! One run with everything that is told about it.

use maestro_domain::{Event, RunId, event::RunRequested, explain, upcast};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attempt, RunStory, TimelineEntry};
use crate::{
    codec::from_time,
    error::Error,
    model::{ReadModel, bounded},
    projections::{self, AttemptRow, RunRow},
};

struct TimelineRow {
    revision: i64,
    index: i32,
    at: OffsetDateTime,
    r#type: String,
    version: i16,
    data: Value,
    actor: String,
}

/// Rows of one moment.
struct Found {
    run: RunRow,
    timeline: Vec<TimelineRow>,
    attempts: Vec<AttemptRow>,
    retries: Vec<Uuid>,
    seq: i64,
}

impl Found {
    fn story(self) -> Result<RunStory, Error> {
        let attempts = self.attempts.into_iter().map(Attempt::try_from);
        let timeline = self.timeline.into_iter().rev().map(TimelineRow::entry);
        Ok(RunStory {
            run: self.run.try_into()?,
            timeline: timeline.collect(),
            attempts: attempts.collect::<Result<_, _>>()?,
            retries: self.retries.into_iter().map(RunId::new).collect(),
            revision: self.seq.cast_unsigned(),
        })
    }
}

impl ReadModel {
    /// A run with its timeline; `None` when there is no such run (yet).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn get_run(&self, id: RunId) -> Result<Option<RunStory>, Error> {
        let found = bounded(async {
            let mut tx = self
                .queries()
                .begin_with("begin isolation level repeatable read")
                .await?;
            let Some(run) = sqlx::query_as!(RunRow, "select * from runs where id = $1", id.uuid())
                .fetch_optional(&mut *tx)
                .await?
            else {
                return Ok(None);
            };
            let timeline = sqlx::query_as!(
                TimelineRow,
                "select revision, index, at, type, version, data, actor from run_timeline
                 where run_id = $1 order by revision desc, index desc limit 1000",
                id.uuid()
            )
            .fetch_all(&mut *tx)
            .await?;
            let attempts = sqlx::query_as!(
                AttemptRow,
                "select * from run_attempts where run_id = $1 order by number",
                id.uuid()
            )
            .fetch_all(&mut *tx)
            .await?;
            let retries = sqlx::query_scalar!(
                "select id from runs where retry_of = $1
                 order by requested_at desc, id desc limit 20",
                id.uuid()
            )
            .fetch_all(&mut *tx)
            .await?;
            let seq = sqlx::query_scalar!(
                "select seq from projection_checkpoints where name = $1",
                projections::RUNS
            )
            .fetch_optional(&mut *tx)
            .await?;
            tx.rollback().await?;
            Ok(Some(Found {
                run,
                timeline,
                attempts,
                retries,
                seq: seq.unwrap_or(0),
            }))
        });
        found.await?.map(Found::story).transpose()
    }

    /// What was asked for when a run was requested; `None` when there is no such run (yet).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away, [`Error::Corrupt`] when the request cannot be
    /// read.
    pub async fn run_request(&self, id: RunId) -> Result<Option<RunRequested>, Error> {
        let found = sqlx::query!(
            "select version, data from run_timeline
             where run_id = $1 and type = 'run.requested' order by revision, index limit 1",
            id.uuid()
        );
        let Some(row) = bounded(found.fetch_optional(self.queries())).await? else {
            return Ok(None);
        };
        match upcast::event("run.requested", row.version.cast_unsigned(), row.data) {
            Ok(Event::RunRequested(requested)) => Ok(Some(*requested)),
            _ => Err(Error::Corrupt {
                table: "run_timeline",
                column: "data",
                value: id.to_string(),
            }),
        }
    }
}

impl TimelineRow {
    fn entry(self) -> TimelineEntry {
        let event = upcast::event(
            &self.r#type,
            self.version.cast_unsigned(),
            self.data.clone(),
        );
        TimelineEntry {
            revision: self.revision.cast_unsigned(),
            index: self.index.cast_unsigned(),
            at: from_time(self.at),
            summary: event.map_or_else(|_| self.r#type.clone(), |event| explain::summary(&event)),
            kind: self.r#type,
            data: self.data,
            actor: self.actor,
        }
    }
}
