//! Pools, the slots that are not free, and the runs that wait.

mod fold;
mod store;

use futures::future::BoxFuture;
use sqlx::PgConnection;

use self::fold::Fold;
use crate::{
    changes::ChangedKeys,
    error::ApplyError,
    projection::{Batch, Projection},
};

pub(super) struct Slots;

impl Projection for Slots {
    fn name(&self) -> &'static str {
        super::SLOTS
    }

    fn version(&self) -> i32 {
        1
    }

    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>> {
        Box::pin(async move {
            let mut fold = Fold::default();
            store::load(db, batch, &mut fold).await?;
            for (projected, _, event) in batch.events() {
                fold.evolve(projected, event)?;
            }
            store::save(db, &fold).await?;
            Ok(ChangedKeys {
                projects: fold.projects,
                ..ChangedKeys::default()
            })
        })
    }

    fn reset<'a>(&'a self, db: &'a mut PgConnection) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            sqlx::query!("truncate slot_pools, slot_leases, slot_runs")
                .execute(db)
                .await?;
            Ok(())
        })
    }
}
