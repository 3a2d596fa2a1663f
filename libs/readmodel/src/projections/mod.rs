//! The projections. A new one is a file here, a line in [`all`] and a migration.

mod deliveries;
mod journal;
mod runs;
mod slots;

pub(crate) use self::runs::{AttemptRow, RunRow};

use std::sync::Arc;

use crate::projection::Projection;

/// Name of the projection behind [`crate::ReadModel::journal`].
pub const JOURNAL: &str = "journal";
/// Name of the projection behind [`crate::ReadModel::list_deliveries`].
pub const DELIVERIES: &str = "deliveries";
/// Name of the projection behind [`crate::ReadModel::list_runs`].
pub const RUNS: &str = "runs";
/// Name of the projection behind [`crate::ReadModel::list_pools`].
pub const SLOTS: &str = "slots";

/// Every projection.
#[must_use]
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(journal::Journal),
        Arc::new(deliveries::Deliveries),
        Arc::new(runs::Runs),
        Arc::new(slots::Slots),
    ]
}
