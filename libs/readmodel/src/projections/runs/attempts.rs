//! The attempts a batch touches, read and written in bulk.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{Event, RunId, event::RunFinished};
use sqlx::PgConnection;

use super::attempt::Attempt;
use crate::{codec::column, error::ApplyError, names::Texts, projection::Projected};

type Key = (RunId, i32);

/// Attempts of the runs a batch touches.
pub(super) struct Attempts {
    rows: BTreeMap<Key, Attempt>,
    changed: BTreeSet<Key>,
}

impl Attempts {
    pub(super) async fn load(
        db: &mut PgConnection,
        runs: &BTreeSet<RunId>,
    ) -> Result<Self, ApplyError> {
        let rows = sqlx::query_as!(
            Attempt,
            "select * from run_attempts where run_id = any($1)",
            &column(runs, |run| run.uuid())
        )
        .fetch_all(db)
        .await?;
        Ok(Self {
            rows: rows
                .into_iter()
                .map(|row| ((RunId::new(row.run_id), row.number), row))
                .collect(),
            changed: BTreeSet::new(),
        })
    }

    /// Takes in an event of `run`. One that ends before it was ever dispatched had no attempt.
    pub(super) fn evolve(
        &mut self,
        run: RunId,
        by: &Projected,
        event: &Event,
        texts: &Texts,
    ) -> Result<(), ApplyError> {
        let key = match event {
            Event::RunDispatched { attempt, .. } => {
                let key = (run, attempt.cast_signed());
                self.rows.insert(key, Attempt::dispatched(run, key.1, by)?);
                key
            }
            Event::RunClaimed { attempt, .. }
            | Event::RunStarted { attempt, .. }
            | Event::RunAttemptLost { attempt, .. }
            | Event::RunFinished(RunFinished { attempt, .. }) => (run, attempt.cast_signed()),
            Event::SlotLeaseMoved { .. } => (run, self.last(run)),
            _ => return Ok(()),
        };
        if let Some(attempt) = self.rows.get_mut(&key) {
            attempt.evolve(by, event, texts)?;
            self.changed.insert(key);
        }
        Ok(())
    }

    /// A lease belongs to the last attempt: the slot of a lost one is given up with it.
    fn last(&self, run: RunId) -> i32 {
        let of_run = self.rows.range((run, 0)..=(run, i32::MAX));
        of_run.last().map_or(0, |((_, number), _)| *number)
    }

    /// Writes what changed.
    pub(super) async fn save(&self, db: &mut PgConnection) -> Result<(), ApplyError> {
        let rows: Vec<&Attempt> = self
            .changed
            .iter()
            .filter_map(|key| self.rows.get(key))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        macro_rules! col {
            ($field:ident) => {
                column(&rows, |row| row.$field.clone())
            };
        }
        sqlx::query_file!(
            "queries/attempts_upsert.sql",
            &col!(run_id),
            &col!(number),
            &col!(status),
            &col!(reason) as _,
            &col!(exit_code) as _,
            &col!(signal) as _,
            &col!(executor_id) as _,
            &col!(namespace) as _,
            &col!(job) as _,
            &col!(pod) as _,
            &col!(node) as _,
            &col!(dispatched_at),
            &col!(started_at) as _,
            &col!(finished_at) as _,
            &col!(retry_at) as _,
            &col!(detail) as _,
            &col!(log_bytes),
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
