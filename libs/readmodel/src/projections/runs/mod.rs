//! A row per run, one per attempt, and every event of its story.

mod attempt;
mod attempts;
mod row;
mod store;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use maestro_domain::{Event, RunId, VaultKey, event::RunFinished};
use sqlx::PgConnection;

pub(crate) use self::{attempt::Attempt as AttemptRow, row::Row as RunRow};
use self::{attempts::Attempts, row::Row};
use crate::{
    changes::ChangedKeys,
    error::ApplyError,
    projection::{Batch, Projection, Table},
};

pub(super) struct Runs;

impl Projection for Runs {
    fn name(&self) -> &'static str {
        super::RUNS
    }

    fn version(&self) -> i32 {
        2
    }

    fn texts(&self, event: &Event, keys: &mut BTreeSet<VaultKey>) {
        match event {
            Event::RunRequested(requested) => {
                keys.extend(requested.repository.as_ref().map(VaultKey::repository_name));
                keys.extend(requested.sender.as_ref().map(VaultKey::person_login));
            }
            Event::RunAttemptLost { detail, .. }
            | Event::RunFinished(RunFinished { detail, .. }) => {
                keys.extend(detail.as_ref().map(|sealed| sealed.key.clone()));
            }
            _ => {}
        }
    }

    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>> {
        Box::pin(async move {
            let touched: BTreeSet<RunId> = batch
                .events()
                .filter_map(|(_, _, event)| event.run())
                .collect();
            if touched.is_empty() {
                return Ok(ChangedKeys::default());
            }
            let mut rows = store::load(db, &touched).await?;
            let mut attempts = Attempts::load(db, &touched).await?;
            fold(batch, &mut rows, &mut attempts)?;
            store::save(db, rows.values()).await?;
            attempts.save(db).await?;
            timeline::append(db, batch).await?;
            Ok(ChangedKeys {
                runs: touched,
                ..ChangedKeys::default()
            })
        })
    }

    fn tables(&self) -> &'static [Table] {
        const {
            &[
                Table::keyed("runs").with_texts(&["repository", "sender", "detail"]),
                Table::keyed("run_attempts").with_texts(&["detail"]),
                Table::keyed("run_timeline").append_only(),
            ]
        }
    }
}

fn fold(
    batch: &Batch,
    rows: &mut BTreeMap<RunId, Row>,
    attempts: &mut Attempts,
) -> Result<(), ApplyError> {
    for (projected, _, event) in batch.events() {
        let Some(run) = event.run() else { continue };
        if let Event::RunRequested(requested) = event {
            rows.insert(run, Row::requested(projected, requested, &batch.texts)?);
        } else {
            rows.get_mut(&run)
                .ok_or(ApplyError::UnknownRun(run))?
                .evolve(projected, event, &batch.texts)?;
            attempts.evolve(run, projected, event, &batch.texts)?;
        }
    }
    Ok(())
}
