//! Writes rows of `deliveries` in one statement.

use sqlx::PgConnection;

use super::row::Row;
use crate::{codec::column, error::ApplyError};

pub(super) async fn upsert<'a>(
    db: &mut PgConnection,
    rows: impl Iterator<Item = &'a Row> + Clone,
) -> Result<(), ApplyError> {
    macro_rules! col {
        ($field:ident) => {
            column(rows.clone(), |row| row.$field.clone())
        };
    }
    sqlx::query!(
        "insert into deliveries (provider, id, event, action, project_id, project, repository_id,
             repository, sender_id, sender, number, outcome, reason, verdicts, received_at,
             decided_at, stream_sequence, revision)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[],
             $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::bigint[],
             $12::text[], $13::text[], $14::jsonb[], $15::timestamptz[], $16::timestamptz[],
             $17::bigint[], $18::bigint[])
         on conflict (provider, id) do update set event = excluded.event,
             action = excluded.action, project_id = excluded.project_id,
             project = excluded.project, repository_id = excluded.repository_id,
             repository = excluded.repository, sender_id = excluded.sender_id,
             sender = excluded.sender, number = excluded.number, outcome = excluded.outcome,
             reason = excluded.reason, verdicts = excluded.verdicts,
             received_at = excluded.received_at, decided_at = excluded.decided_at,
             stream_sequence = excluded.stream_sequence, revision = excluded.revision
         where deliveries.outcome <> 'accepted' or excluded.outcome = 'accepted'",
        &col!(provider),
        &col!(id),
        &col!(event),
        &col!(action) as _,
        &col!(project_id) as _,
        &col!(project) as _,
        &col!(repository_id) as _,
        &col!(repository) as _,
        &col!(sender_id) as _,
        &col!(sender) as _,
        &col!(number) as _,
        &column(rows.clone(), |row| row.outcome.as_str().to_owned()),
        &col!(reason),
        &col!(verdicts),
        &col!(received_at) as _,
        &col!(decided_at),
        &col!(stream_sequence),
        &col!(revision),
    )
    .execute(db)
    .await?;
    Ok(())
}
