//! Appends the events of a batch to the timelines of their runs.

use sqlx::PgConnection;

use crate::{
    codec::{column, to_time},
    error::ApplyError,
    projection::Batch,
};

pub(super) async fn append(db: &mut PgConnection, batch: &Batch) -> Result<(), ApplyError> {
    let entries: Vec<_> = batch
        .events()
        .filter_map(|(by, index, event)| Some((event.run()?.uuid(), by, index, event)))
        .collect();
    let data = entries
        .iter()
        .map(|e| data(e.3))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into run_timeline (run_id, revision, index, at, type, version, data, actor)
         select * from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::timestamptz[],
             $5::text[], $6::smallint[], $7::jsonb[], $8::text[])",
        &column(&entries, |e| e.0),
        &column(&entries, |e| e.1.seq.cast_signed()),
        &column(&entries, |e| e.2.cast_signed()),
        &column(&entries, |e| to_time(e.1.commit.at)),
        &column(&entries, |e| e.3.type_name().to_owned()),
        &column(&entries, |e| e.3.version().cast_signed()),
        &data,
        &column(&entries, |e| e.1.commit.actor.to_string()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The event's `data` as it stands in the commit.
fn data(event: &maestro_domain::Event) -> Result<serde_json::Value, ApplyError> {
    let mut value = serde_json::to_value(event)?;
    Ok(value
        .get_mut("data")
        .map(serde_json::Value::take)
        .unwrap_or_default())
}
