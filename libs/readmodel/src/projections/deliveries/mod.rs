//! The decision on every delivery.

mod row;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use maestro_domain::{Event, VaultKey};
use sqlx::PgConnection;

use self::row::Row;
use crate::{
    changes::{ChangedKeys, DeliveryKey},
    error::ApplyError,
    projection::{Batch, Projection, Table},
};

pub(super) struct Deliveries;

impl Projection for Deliveries {
    fn name(&self) -> &'static str {
        super::DELIVERIES
    }

    fn version(&self) -> i32 {
        1
    }

    fn texts(&self, event: &Event, keys: &mut BTreeSet<VaultKey>) {
        if let Event::DeliveryDecided(decided) = event {
            keys.extend(decided.repository.as_ref().map(VaultKey::repository_name));
            keys.extend(decided.sender.as_ref().map(VaultKey::person_login));
        }
    }

    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>> {
        Box::pin(async move {
            let rows = fold(batch)?;
            if !rows.is_empty() {
                write::upsert(db, rows.values()).await?;
            }
            let deliveries = rows.into_keys().collect();
            Ok(ChangedKeys {
                deliveries,
                ..ChangedKeys::default()
            })
        })
    }

    fn tables(&self) -> &'static [Table] {
        const { &[Table::keyed("deliveries").with_texts(&["repository", "sender"])] }
    }
}

/// The last decision on each delivery; one that started runs is not replaced by one that did not.
fn fold(batch: &Batch) -> Result<BTreeMap<DeliveryKey, Row>, ApplyError> {
    let mut rows: BTreeMap<DeliveryKey, Row> = BTreeMap::new();
    for (projected, _, event) in batch.events() {
        let row = match event {
            Event::DeliveryDecided(decided) => Row::decided(projected, decided, &batch.texts)?,
            Event::InputParked {
                stream,
                seq,
                problem,
                delivery,
            } if stream == "DELIVERIES" => {
                Row::parked(projected, *seq, *problem, delivery.as_ref())?
            }
            _ => continue,
        };
        let Some((key, row)) = row else { continue };
        match rows.get(&key) {
            Some(earlier) if earlier.is_accepted() && !row.is_accepted() => {}
            _ => {
                rows.insert(key, row);
            }
        }
    }
    Ok(rows)
}
