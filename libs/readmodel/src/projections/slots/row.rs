//! The rows of the projection.

use maestro_domain::{Event, Name, ProjectId, RunId, report::Place};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::query::SlotState;

pub(super) type PoolKey = (Uuid, String);
pub(super) type SlotKey = (Uuid, String, i32);

pub(super) fn slot_key(project: ProjectId, pool: &Name, slot: u32) -> SlotKey {
    (project.uuid(), pool.to_string(), slot.cast_signed())
}

#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) project: String,
    pub(super) size: i32,
    pub(super) paused: bool,
    pub(super) revision: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) state: SlotState,
    pub(super) run_id: Uuid,
    pub(super) token: i64,
    pub(super) leased_at: OffsetDateTime,
    pub(super) executor_id: Option<Uuid>,
    pub(super) until: Option<OffsetDateTime>,
    pub(super) moved: bool,
    pub(super) trigger: String,
    pub(super) attempt: i32,
    pub(super) place: Place,
}

impl Lease {
    pub(super) fn new(live: &LiveRun, run: RunId, token: u64, at: OffsetDateTime) -> Self {
        Self {
            state: SlotState::Leased,
            run_id: run.uuid(),
            token: token.cast_signed(),
            leased_at: at,
            executor_id: None,
            until: None,
            moved: false,
            trigger: live.trigger.clone(),
            attempt: live.attempt,
            place: Place::default(),
        }
    }

    /// What an event with this token leaves of the lease. One with another token is about another
    /// lease, except a move, which brings the new one.
    pub(super) fn after(mut self, event: &Event, token: i64) -> Option<Self> {
        match event {
            Event::SlotLeaseMoved { executor, .. } => {
                self.token = token;
                self.executor_id = Some(executor.uuid());
                self.moved = true;
            }
            _ if self.token != token => {}
            Event::SlotReleasing { .. } => {
                self.state = SlotState::Releasing;
                self.until = None;
            }
            Event::SlotLeaseAdopted { .. } => self.moved = false,
            Event::SlotReleased { .. } => return None,
            _ => {}
        }
        Some(self)
    }
}

#[derive(Debug, Clone)]
pub(super) struct LiveRun {
    pub(super) pool: PoolKey,
    pub(super) project: String,
    pub(super) waiting: bool,
    pub(super) trigger: String,
    pub(super) attempt: i32,
    pub(super) timeout_s: i64,
    pub(super) requested_at: OffsetDateTime,
    pub(super) requested_revision: i64,
    pub(super) requested_index: i32,
    pub(super) waiting_since: OffsetDateTime,
}

impl LiveRun {
    /// It waits for a slot, since `at` unless it does already.
    pub(super) fn queue(&mut self, at: OffsetDateTime) {
        if !self.waiting {
            self.waiting = true;
            self.waiting_since = at;
        }
    }
}
