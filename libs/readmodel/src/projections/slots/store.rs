//! Reads the rows a batch touches and writes them back.

use std::collections::BTreeSet;

use maestro_domain::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use super::fold::{Fold, Lease, LiveRun, SlotKey, slot_key};
use crate::{codec::column, error::ApplyError, projection::Batch, query::SlotState};

pub(super) async fn load(
    db: &mut PgConnection,
    batch: &Batch,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let mut runs = BTreeSet::new();
    let mut slots = BTreeSet::new();
    for (_, _, event) in batch.events() {
        runs.extend(event.run().map(maestro_domain::RunId::uuid));
        if let Event::SlotLeased {
            project,
            pool,
            slot,
            ..
        }
        | Event::SlotReleasing {
            project,
            pool,
            slot,
            ..
        }
        | Event::SlotLeaseMoved {
            project,
            pool,
            slot,
            ..
        }
        | Event::SlotReleased {
            project,
            pool,
            slot,
            ..
        } = event
        {
            slots.insert(slot_key(*project, pool, *slot));
        }
    }
    if !runs.is_empty() {
        load_runs(db, &runs, fold).await?;
    }
    if !slots.is_empty() {
        load_leases(db, &slots, fold).await?;
    }
    Ok(())
}

async fn load_runs(
    db: &mut PgConnection,
    runs: &BTreeSet<Uuid>,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let rows = sqlx::query!(
        "select run_id, project_id, pool, project, waiting from slot_runs where run_id = any($1)",
        &column(runs, |run| *run)
    )
    .fetch_all(db)
    .await?;
    fold.runs.extend(rows.into_iter().map(|row| {
        let pool = (row.project_id, row.pool);
        (
            row.run_id,
            Some(LiveRun {
                pool,
                project: row.project,
                waiting: row.waiting,
            }),
        )
    }));
    Ok(())
}

async fn load_leases(
    db: &mut PgConnection,
    slots: &BTreeSet<SlotKey>,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let rows = sqlx::query!(
        "select l.project_id, l.pool, l.number, l.state, l.run_id, l.token, l.leased_at
         from unnest($1::uuid[], $2::text[], $3::integer[]) as touched (project_id, pool, number)
         join slot_leases l using (project_id, pool, number)",
        &column(slots, |slot| slot.0),
        &column(slots, |slot| slot.1.clone()),
        &column(slots, |slot| slot.2),
    )
    .fetch_all(db)
    .await?;
    fold.leases.extend(rows.into_iter().map(|row| {
        let state = if row.state == SlotState::Releasing.as_str() {
            SlotState::Releasing
        } else {
            SlotState::Leased
        };
        let lease = Lease {
            state,
            run_id: row.run_id,
            token: row.token,
            leased_at: row.leased_at,
        };
        ((row.project_id, row.pool, row.number), Some(lease))
    }));
    Ok(())
}

pub(super) async fn save(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    if !fold.pools.is_empty() {
        save_pools(db, fold).await?;
    }
    if !fold.leases.is_empty() {
        save_leases(db, fold).await?;
    }
    if !fold.runs.is_empty() {
        save_runs(db, fold).await?;
    }
    Ok(())
}

async fn save_pools(db: &mut PgConnection, fold: &Fold) -> Result<(), ApplyError> {
    sqlx::query!(
        "insert into slot_pools (project_id, pool, project, size, revision)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[])
         on conflict (project_id, pool) do update set project = excluded.project,
             size = excluded.size, revision = excluded.revision",
        &column(&fold.pools, |(key, _)| key.0),
        &column(&fold.pools, |(key, _)| key.1.clone()),
        &column(&fold.pools, |(_, pool)| pool.project.clone()),
        &column(&fold.pools, |(_, pool)| pool.size),
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
    sqlx::query!(
        "insert into slot_leases (project_id, pool, number, state, run_id, token, leased_at)
         select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::uuid[],
             $6::bigint[], $7::timestamptz[])
         on conflict (project_id, pool, number) do update set state = excluded.state,
             run_id = excluded.run_id, token = excluded.token, leased_at = excluded.leased_at",
        &column(&held, |(key, _)| key.0),
        &column(&held, |(key, _)| key.1.clone()),
        &column(&held, |(key, _)| key.2),
        &column(&held, |(_, lease)| lease.state.as_str().to_owned()),
        &column(&held, |(_, lease)| lease.run_id),
        &column(&held, |(_, lease)| lease.token),
        &column(&held, |(_, lease)| lease.leased_at),
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
    sqlx::query!(
        "insert into slot_runs (run_id, project_id, pool, project, waiting)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[])
         on conflict (run_id) do update set waiting = excluded.waiting",
        &column(&live, |(id, _)| **id),
        &column(&live, |(_, run)| run.pool.0),
        &column(&live, |(_, run)| run.pool.1.clone()),
        &column(&live, |(_, run)| run.project.clone()),
        &column(&live, |(_, run)| run.waiting),
    )
    .execute(db)
    .await?;
    Ok(())
}
