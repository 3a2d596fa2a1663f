//! Reads and writes rows of `runs` in bulk.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::RunId;
use sqlx::PgConnection;

use super::row::Row;
use crate::{codec::column, error::ApplyError};

/// The rows of `runs` that exist.
pub(super) async fn load(
    db: &mut PgConnection,
    runs: &BTreeSet<RunId>,
) -> Result<BTreeMap<RunId, Row>, ApplyError> {
    let rows = sqlx::query_as!(
        Row,
        "select * from runs where id = any($1)",
        &column(runs, |run| run.uuid())
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (RunId::new(row.id), row))
        .collect())
}

/// Inserts new rows; of the others writes what can change.
pub(super) async fn save<'a>(
    db: &mut PgConnection,
    rows: impl Iterator<Item = &'a Row> + Clone,
) -> Result<(), ApplyError> {
    macro_rules! col {
        ($field:ident) => {
            column(rows.clone(), |row| row.$field.clone())
        };
    }
    sqlx::query_file!(
        "queries/runs_upsert.sql",
        &col!(id),
        &col!(project_id),
        &col!(project),
        &col!(trigger),
        &col!(name),
        &col!(status),
        &col!(reason) as _,
        &col!(attempt),
        &col!(exit_code) as _,
        &col!(signal) as _,
        &col!(delivery_id),
        &col!(provider),
        &col!(event),
        &col!(repository_id) as _,
        &col!(repository) as _,
        &col!(sender_id) as _,
        &col!(sender) as _,
        &col!(number) as _,
        &col!(pool),
        &col!(slot) as _,
        &col!(slot_token) as _,
        &col!(executor_id) as _,
        &col!(mode),
        &col!(timeout_s),
        &col!(requested_at),
        &col!(started_at) as _,
        &col!(finished_at) as _,
        &col!(log_bytes),
        &col!(cancel_requested),
        &col!(trace_id) as _,
        &col!(revision),
        &col!(namespace) as _,
        &col!(job) as _,
        &col!(pod) as _,
        &col!(node) as _,
        &col!(detail) as _,
        &col!(retry_of) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}
