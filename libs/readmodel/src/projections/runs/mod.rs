//! A row per run, and every event of its story.

mod row;
mod store;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use maestro_domain::{Event, RunId, VaultKey};
use sqlx::PgConnection;

pub(crate) use self::row::Row as RunRow;
use self::row::Row;
use crate::{
    changes::ChangedKeys,
    error::ApplyError,
    projection::{Batch, Projection},
};

pub(super) struct Runs;

impl Projection for Runs {
    fn name(&self) -> &'static str {
        super::RUNS
    }

    fn version(&self) -> i32 {
        1
    }

    fn texts(&self, event: &Event, keys: &mut BTreeSet<VaultKey>) {
        if let Event::RunRequested(requested) = event {
            keys.extend(requested.repository.as_ref().map(VaultKey::repository_name));
            keys.extend(requested.sender.as_ref().map(VaultKey::person_login));
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
            fold(batch, &mut rows)?;
            store::save(db, rows.values()).await?;
            timeline::append(db, batch).await?;
            Ok(ChangedKeys {
                runs: touched,
                ..ChangedKeys::default()
            })
        })
    }

    fn reset<'a>(&'a self, db: &'a mut PgConnection) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            sqlx::query!("truncate runs, run_timeline")
                .execute(db)
                .await?;
            Ok(())
        })
    }
}

fn fold(batch: &Batch, rows: &mut BTreeMap<RunId, Row>) -> Result<(), ApplyError> {
    for (projected, _, event) in batch.events() {
        let Some(run) = event.run() else { continue };
        if let Event::RunRequested(requested) = event {
            rows.insert(run, Row::requested(projected, requested, &batch.texts)?);
        } else {
            rows.get_mut(&run)
                .ok_or(ApplyError::UnknownRun(run))?
                .evolve(projected, event)?;
        }
    }
    Ok(())
}
