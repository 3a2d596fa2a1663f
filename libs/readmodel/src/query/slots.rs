//! Pools and who holds what.

use std::collections::BTreeMap;

use maestro_domain::{ExecutorId, ProjectId, RunId, Timestamp, report::Place, state::Standing};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    codec::{from_time, read},
    error::Error,
    model::{ReadModel, bounded},
    page::filter_text,
};

/// Waiting runs shown of a pool.
const QUEUE: i64 = 20;

/// State of a slot: free → leased → releasing → free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nobody holds it.
    Free,
    /// A run holds it.
    Leased,
    /// Its run is over, but the end of the execution was not observed yet.
    Releasing,
}

impl SlotState {
    /// As the table holds it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Leased => "leased",
            Self::Releasing => "releasing",
        }
    }
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// From 1. A slot above its pool's size goes away once it is free.
    pub number: u32,
    /// Its state.
    pub state: SlotState,
    /// The run that holds it.
    pub run: Option<RunId>,
    /// Fencing token of the lease; 0 when free.
    pub token: u64,
    /// When it was leased.
    pub leased_at: Option<Timestamp>,
    /// By when something has to be heard of the execution; `None` when free or releasing.
    pub until: Option<Timestamp>,
    /// Executor that holds the lease; `None` while nobody claimed it.
    pub executor: Option<ExecutorId>,
    /// Whether that executor can be counted on; `None` when it is not known (any more).
    pub standing: Option<Standing>,
    /// The lease moved to that executor, which has not confirmed it yet.
    pub moved: bool,
    /// Trigger of the run.
    pub trigger: String,
    /// Attempt of the run, from 1; 0 when free.
    pub attempt: u32,
    /// Where the execution is.
    pub place: Place,
}

/// A run that waits for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRun {
    /// The run.
    pub run: RunId,
    /// Its trigger.
    pub trigger: String,
    /// The attempt that waits, from 1.
    pub attempt: u32,
    /// When the run was requested.
    pub requested_at: Timestamp,
    /// Since when it waits.
    pub waiting_since: Timestamp,
}

/// A pool with all its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPool {
    /// Its project.
    pub project_id: ProjectId,
    /// Slug of its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Slots wanted.
    pub size: u32,
    /// Its slots by number, also the free ones.
    pub slots: Vec<Slot>,
    /// Whether nothing starts until it is resumed.
    pub paused: bool,
    /// Runs that wait for a slot.
    pub queued: u32,
    /// The first 20 of them, oldest first.
    pub queue: Vec<QueuedRun>,
    /// Revision of the log at its last change of size or pause.
    pub revision: u64,
}

struct Row {
    project_id: Uuid,
    project: String,
    pool: String,
    size: i32,
    revision: i64,
    queued: i64,
    number: Option<i32>,
    state: Option<String>,
    run_id: Option<Uuid>,
    token: Option<i64>,
    leased_at: Option<OffsetDateTime>,
    paused: bool,
    executor_id: Option<Uuid>,
    until: Option<OffsetDateTime>,
    moved: Option<bool>,
    trigger: Option<String>,
    attempt: Option<i32>,
    namespace: Option<String>,
    job: Option<String>,
    pod: Option<String>,
    node: Option<String>,
    standing: Option<String>,
}

struct QueueRow {
    project: String,
    pool: String,
    run_id: Uuid,
    trigger: String,
    attempt: i32,
    requested_at: OffsetDateTime,
    waiting_since: OffsetDateTime,
}

impl ReadModel {
    /// The pools of the project with slug `project` (of all projects when empty) with their slots,
    /// by project and name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a slug that cannot be asked for, [`Error::Unavailable`] when Postgres
    /// is away.
    pub async fn list_pools(&self, project: &str) -> Result<Vec<SlotPool>, Error> {
        let project = filter_text("project", project)?;
        let read = bounded(async {
            let mut tx = self
                .queries()
                .begin_with("begin isolation level repeatable read")
                .await?;
            let rows = sqlx::query_file_as!(Row, "queries/slots_list.sql", project)
                .fetch_all(&mut *tx)
                .await?;
            let queued = sqlx::query_file_as!(QueueRow, "queries/queues_list.sql", project, QUEUE)
                .fetch_all(&mut *tx)
                .await?;
            tx.rollback().await?;
            Ok((rows, queued))
        });
        let (rows, queued) = read.await?;
        let mut pools: BTreeMap<(String, String), SlotPool> = BTreeMap::new();
        for row in rows {
            let key = (row.project.clone(), row.pool.clone());
            let pool = pools.entry(key).or_insert_with(|| pool(&row));
            let Some(lease) = lease(row)? else { continue };
            let at = pool
                .slots
                .partition_point(|slot| slot.number < lease.number);
            match pool.slots.get_mut(at) {
                Some(slot) if slot.number == lease.number => *slot = lease,
                _ => pool.slots.insert(at, lease),
            }
        }
        for row in queued {
            if let Some(pool) = pools.get_mut(&(row.project.clone(), row.pool.clone())) {
                pool.queue.push(queued_run(row));
            }
        }
        Ok(pools.into_values().collect())
    }

    /// The project with this slug.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn project_id(&self, slug: &str) -> Result<Option<ProjectId>, Error> {
        let found =
            sqlx::query_scalar!("select project_id from slot_projects where slug = $1", slug);
        let found = bounded(found.fetch_optional(self.queries())).await?;
        Ok(found.map(ProjectId::new))
    }
}

fn queued_run(row: QueueRow) -> QueuedRun {
    QueuedRun {
        run: RunId::new(row.run_id),
        trigger: row.trigger,
        attempt: row.attempt.cast_unsigned(),
        requested_at: from_time(row.requested_at),
        waiting_since: from_time(row.waiting_since),
    }
}

/// The pool of a row with all its slots free.
fn pool(row: &Row) -> SlotPool {
    let size = row.size.cast_unsigned();
    let free = |number| Slot {
        number,
        state: SlotState::Free,
        run: None,
        token: 0,
        leased_at: None,
        until: None,
        executor: None,
        standing: None,
        moved: false,
        trigger: String::new(),
        attempt: 0,
        place: Place::default(),
    };
    SlotPool {
        project_id: ProjectId::new(row.project_id),
        project: row.project.clone(),
        name: row.pool.clone(),
        size,
        slots: (1..=size).map(free).collect(),
        paused: row.paused,
        queued: u32::try_from(row.queued).unwrap_or(u32::MAX),
        queue: Vec::new(),
        revision: row.revision.cast_unsigned(),
    }
}

/// The slot that is not free in a row.
fn lease(row: Row) -> Result<Option<Slot>, Error> {
    let Some(number) = row.number else {
        return Ok(None);
    };
    let state = match row.state.as_deref() {
        Some("leased") => SlotState::Leased,
        Some("releasing") => SlotState::Releasing,
        other => {
            let value = other.unwrap_or_default().to_owned();
            return Err(Error::Corrupt {
                table: "slot_leases",
                column: "state",
                value,
            });
        }
    };
    Ok(Some(Slot {
        number: number.cast_unsigned(),
        state,
        run: row.run_id.map(RunId::new),
        token: row.token.unwrap_or(0).cast_unsigned(),
        leased_at: row.leased_at.map(from_time),
        until: row.until.map(from_time),
        executor: row.executor_id.map(ExecutorId::new),
        standing: row
            .standing
            .map(|standing| read("slot_executors", "standing", standing))
            .transpose()?,
        moved: row.moved.unwrap_or_default(),
        trigger: row.trigger.unwrap_or_default(),
        attempt: row.attempt.unwrap_or_default().cast_unsigned(),
        place: Place {
            namespace: row.namespace,
            job: row.job,
            pod: row.pod,
            node: row.node,
        },
    }))
}
