//! Writes the rows a batch touched.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    fold::Fold,
    row::{Lease, LiveRun, SlotKey},
};
use crate::{codec::column, error::ApplyError};

pub(super) async fn save(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    if !fold.slugs.is_empty() {
        save_projects(db, fold).await?;
    }
    if !fold.pools.is_empty() {
        save_pools(db, fold).await?;
    }
    if !fold.leases.is_empty() {
        save_leases(db, fold).await?;
    }
    if !fold.runs.is_empty() {
        save_runs(db, fold).await?;
    }
    fold.executors.save(db).await
}

async fn save_projects(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    sqlx::query!(
        "insert into slot_projects (project_id, slug)
         select * from unnest($1::uuid[], $2::text[])
         on conflict (project_id) do update set slug = excluded.slug",
        &column(&fold.slugs, |(id, _)| *id),
        &column(&fold.slugs, |(_, slug)| slug.clone()),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn save_pools(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    sqlx::query!(
        "insert into slot_pools (project_id, pool, project, size, paused, revision)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::boolean[],
             $6::bigint[])
         on conflict (project_id, pool) do update set project = excluded.project,
             size = excluded.size, paused = excluded.paused, revision = excluded.revision",
        &column(&fold.pools, |(key, _)| key.0),
        &column(&fold.pools, |(key, _)| key.1.clone()),
        &column(&fold.pools, |(_, pool)| pool.project.clone()),
        &column(&fold.pools, |(_, pool)| pool.size),
        &column(&fold.pools, |(_, pool)| pool.paused),
        &column(&fold.pools, |(_, pool)| pool.revision),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn save_leases(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    let freed = fold
        .leases
        .iter()
        .filter(|(_, lease)| lease.is_none())
        .map(|(key, _)| key);
    let freed: Vec<&SlotKey> = freed.collect();
    let held: Vec<(&SlotKey, &Lease)> = fold
        .leases
        .iter()
        .filter_map(|(key, lease)| Some((key, lease.as_ref()?)))
        .collect();
    sqlx::query!(
        "delete from slot_leases l
         using unnest($1::uuid[], $2::text[], $3::integer[]) as freed (project_id, pool, number)
         where (l.project_id, l.pool, l.number) = (freed.project_id, freed.pool, freed.number)",
        &column(&freed, |key| key.0),
        &column(&freed, |key| key.1.clone()),
        &column(&freed, |key| key.2),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query_file!(
        "queries/slot_leases_upsert.sql",
        &column(&held, |(key, _)| key.0),
        &column(&held, |(key, _)| key.1.clone()),
        &column(&held, |(key, _)| key.2),
        &column(&held, |(_, lease)| lease.state.as_str().to_owned()),
        &column(&held, |(_, lease)| lease.run_id),
        &column(&held, |(_, lease)| lease.token),
        &column(&held, |(_, lease)| lease.leased_at),
        &column(&held, |(_, lease)| lease.executor_id) as _,
        &column(&held, |(_, lease)| lease.until) as _,
        &column(&held, |(_, lease)| lease.moved),
        &column(&held, |(_, lease)| lease.trigger.clone()),
        &column(&held, |(_, lease)| lease.attempt),
        &column(&held, |(_, lease)| lease.place.namespace.clone()) as _,
        &column(&held, |(_, lease)| lease.place.job.clone()) as _,
        &column(&held, |(_, lease)| lease.place.pod.clone()) as _,
        &column(&held, |(_, lease)| lease.place.node.clone()) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn save_runs(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    let ended = fold
        .runs
        .iter()
        .filter(|(_, run)| run.is_none())
        .map(|(id, _)| *id);
    let ended: Vec<Uuid> = ended.collect();
    let live: Vec<(&Uuid, &LiveRun)> = fold
        .runs
        .iter()
        .filter_map(|(id, run)| Some((id, run.as_ref()?)))
        .collect();
    sqlx::query!("delete from slot_runs where run_id = any($1)", &ended)
        .execute(&mut *db)
        .await?;
    sqlx::query_file!(
        "queries/slot_runs_upsert.sql",
        &column(&live, |(id, _)| **id),
        &column(&live, |(_, run)| run.pool.0),
        &column(&live, |(_, run)| run.pool.1.clone()),
        &column(&live, |(_, run)| run.project.clone()),
        &column(&live, |(_, run)| run.waiting),
        &column(&live, |(_, run)| run.trigger.clone()),
        &column(&live, |(_, run)| run.attempt),
        &column(&live, |(_, run)| run.timeout_s),
        &column(&live, |(_, run)| run.requested_at),
        &column(&live, |(_, run)| run.requested_revision),
        &column(&live, |(_, run)| run.requested_index),
        &column(&live, |(_, run)| run.waiting_since),
    )
    .execute(db)
    .await?;
    Ok(())
}
