//! Reads the rows a batch touches.

use std::collections::BTreeSet;

use maestro_domain::{Event, report::Place};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    executors::{self, Executors},
    fold::Fold,
    row::{Lease, LiveRun, Pool, PoolKey, SlotKey, slot_key},
};
use crate::{codec::column, error::ApplyError, projection::Batch, query::SlotState};

/// What a batch is about.
#[derive(Default)]
struct Touched {
    pools: BTreeSet<PoolKey>,
    slots: BTreeSet<SlotKey>,
    runs: BTreeSet<Uuid>,
    executors: bool,
}

impl Touched {
    fn add(&mut self, event: &Event) {
        self.runs
            .extend(event.run().map(maestro_domain::RunId::uuid));
        self.executors |= executors::executor(event).is_some();
        match event {
            Event::PoolResized { project, pool, .. }
            | Event::PoolPaused { project, pool }
            | Event::PoolResumed { project, pool } => {
                self.pools.insert((project.uuid(), pool.to_string()));
            }
            Event::SlotLeased {
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
            | Event::SlotLeaseAdopted {
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
            } => {
                self.slots.insert(slot_key(*project, pool, *slot));
            }
            _ => {}
        }
    }
}

pub(super) async fn load(db: &mut PgConnection, batch: &Batch) -> Result<Fold, ApplyError> {
    let mut touched = Touched::default();
    for (_, _, event) in batch.events() {
        touched.add(event);
    }
    let mut fold = Fold::default();
    if !touched.pools.is_empty() {
        load_pools(db, &touched.pools, &mut fold).await?;
    }
    if !touched.runs.is_empty() {
        load_runs(db, &touched.runs, &mut fold).await?;
        load_leases(db, &touched, &mut fold).await?;
    }
    if touched.executors {
        fold.executors = Executors::load(db).await?;
    }
    Ok(fold)
}

async fn load_pools(
    db: &mut PgConnection,
    pools: &BTreeSet<PoolKey>,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let rows = sqlx::query!(
        "select p.project_id, p.pool, p.project, p.size, p.paused, p.revision
         from unnest($1::uuid[], $2::text[]) as touched (project_id, pool)
         join slot_pools p using (project_id, pool)",
        &column(pools, |pool| pool.0),
        &column(pools, |pool| pool.1.clone()),
    )
    .fetch_all(db)
    .await?;
    fold.pools.extend(rows.into_iter().map(|row| {
        let pool = Pool {
            project: row.project,
            size: row.size,
            paused: row.paused,
            revision: row.revision,
        };
        ((row.project_id, row.pool), pool)
    }));
    Ok(())
}

async fn load_runs(
    db: &mut PgConnection,
    runs: &BTreeSet<Uuid>,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let rows = sqlx::query!(
        "select * from slot_runs where run_id = any($1)",
        &column(runs, |run| *run)
    )
    .fetch_all(db)
    .await?;
    fold.runs.extend(rows.into_iter().map(|row| {
        let live = LiveRun {
            pool: (row.project_id, row.pool),
            project: row.project,
            waiting: row.waiting,
            trigger: row.trigger,
            attempt: row.attempt,
            timeout_s: row.timeout_s,
            requested_at: row.requested_at,
            requested_revision: row.requested_revision,
            requested_index: row.requested_index,
            waiting_since: row.waiting_since,
        };
        (row.run_id, Some(live))
    }));
    Ok(())
}

/// Leases on the slots touched and those of the runs touched.
async fn load_leases(
    db: &mut PgConnection,
    touched: &Touched,
    fold: &mut Fold,
) -> Result<(), ApplyError> {
    let rows = sqlx::query!(
        "select l.* from slot_leases l
         where l.run_id = any($1) or (l.project_id, l.pool, l.number) in (
             select * from unnest($2::uuid[], $3::text[], $4::integer[]))",
        &column(&touched.runs, |run| *run),
        &column(&touched.slots, |slot| slot.0),
        &column(&touched.slots, |slot| slot.1.clone()),
        &column(&touched.slots, |slot| slot.2),
    )
    .fetch_all(db)
    .await?;
    for row in rows {
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
            executor_id: row.executor_id,
            until: row.until,
            moved: row.moved,
            trigger: row.trigger,
            attempt: row.attempt,
            place: Place {
                namespace: row.namespace,
                job: row.job,
                pod: row.pod,
                node: row.node,
            },
        };
        let key = (row.project_id, row.pool, row.number);
        fold.holders.insert(lease.run_id, key.clone());
        fold.leases.insert(key, Some(lease));
    }
    Ok(())
}
