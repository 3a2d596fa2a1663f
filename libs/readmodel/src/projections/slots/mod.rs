//! Pools, the slots that are not free, the runs that wait, and the executors.

mod executors;
mod fold;
mod load;
mod row;
mod save;

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    changes::ChangedKeys,
    error::ApplyError,
    projection::{Batch, Projection, Table},
};

pub(super) struct Slots;

impl Projection for Slots {
    fn name(&self) -> &'static str {
        super::SLOTS
    }

    fn version(&self) -> i32 {
        2
    }

    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>> {
        Box::pin(async move {
            let mut fold = load::load(db, batch).await?;
            for (projected, index, event) in batch.events() {
                fold.evolve(projected, index, event)?;
            }
            save::save(db, &fold).await?;
            Ok(ChangedKeys {
                executors: fold.executors.changed().collect(),
                projects: fold.projects,
                ..ChangedKeys::default()
            })
        })
    }

    fn tables(&self) -> &'static [Table] {
        const {
            &[
                Table::keyed("slot_projects"),
                Table::keyed("slot_pools"),
                Table::keyed("slot_leases"),
                Table::keyed("slot_runs"),
                Table::keyed("slot_executors"),
            ]
        }
    }
}
