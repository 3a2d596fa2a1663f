//! Pools and who holds what.

use std::collections::BTreeMap;

use maestro_domain::{ProjectId, RunId, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    codec::from_time,
    error::Error,
    model::{ReadModel, bounded},
    page::filter_text,
};

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
    /// Runs that wait for a slot.
    pub queued: u32,
    /// Revision of the log at the last change of its size.
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
}

impl ReadModel {
    /// The pools of the project with slug `project` (of all projects when empty) with their slots,
    /// by project and name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a slug that cannot be asked for, [`Error::Unavailable`] when Postgres
    /// is away.
    pub async fn list_pools(&self, project: &str) -> Result<Vec<SlotPool>, Error> {
        let rows = sqlx::query_file_as!(
            Row,
            "queries/slots_list.sql",
            filter_text("project", project)?
        );
        let rows = bounded(rows.fetch_all(self.queries())).await?;
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
        Ok(pools.into_values().collect())
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
    };
    SlotPool {
        project_id: ProjectId::new(row.project_id),
        project: row.project.clone(),
        name: row.pool.clone(),
        size,
        slots: (1..=size).map(free).collect(),
        queued: u32::try_from(row.queued).unwrap_or(u32::MAX),
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
    }))
}
