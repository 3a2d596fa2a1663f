//! What the events of a batch make of the rows they touch.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{Event, Name, ProjectId, RunId, event::RunRequested};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{codec::to_time, error::ApplyError, projection::Projected, query::SlotState};

pub(super) type PoolKey = (Uuid, String);
pub(super) type SlotKey = (Uuid, String, i32);

#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) project: String,
    pub(super) size: i32,
    pub(super) revision: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) state: SlotState,
    pub(super) run_id: Uuid,
    pub(super) token: i64,
    pub(super) leased_at: OffsetDateTime,
}

#[derive(Debug, Clone)]
pub(super) struct LiveRun {
    pub(super) pool: PoolKey,
    pub(super) project: String,
    pub(super) waiting: bool,
}

/// Rows touched by a batch; `None` where there is none (any more).
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) pools: BTreeMap<PoolKey, Pool>,
    pub(super) leases: BTreeMap<SlotKey, Option<Lease>>,
    pub(super) runs: BTreeMap<Uuid, Option<LiveRun>>,
    /// Slugs of the projects touched.
    pub(super) projects: BTreeSet<String>,
}

impl Fold {
    pub(super) fn evolve(&mut self, by: &Projected, event: &Event) -> Result<(), ApplyError> {
        match event {
            Event::PoolResized {
                project,
                pool,
                size,
            } => {
                self.resize(by, *project, pool, *size);
            }
            Event::RunRequested(requested) => self.request(by, requested),
            Event::SlotLeased {
                project,
                pool,
                slot,
                run,
                token,
            } => {
                self.wait(*run, false)?;
                let lease = Lease {
                    state: SlotState::Leased,
                    run_id: run.uuid(),
                    token: token.cast_signed(),
                    leased_at: to_time(by.commit.at),
                };
                self.leases
                    .insert(slot_key(*project, pool, *slot), Some(lease));
            }
            Event::RunRequeued { run, .. } => self.wait(*run, true)?,
            Event::RunFinished(finished) => {
                self.wait(finished.run, false)?;
                self.runs.insert(finished.run.uuid(), None);
            }
            Event::SlotReleasing {
                project,
                pool,
                slot,
                token,
                ..
            } => {
                self.projects.insert(slug(by, *project));
                if let Some(lease) = self.held(slot_key(*project, pool, *slot), *token) {
                    lease
                        .as_mut()
                        .into_iter()
                        .for_each(|l| l.state = SlotState::Releasing);
                }
            }
            Event::SlotLeaseMoved {
                project,
                pool,
                slot,
                token,
                ..
            } => {
                self.projects.insert(slug(by, *project));
                let lease = self.leases.get_mut(&slot_key(*project, pool, *slot));
                if let Some(Some(lease)) = lease {
                    lease.token = token.cast_signed();
                }
            }
            Event::SlotReleased {
                project,
                pool,
                slot,
                token,
                ..
            } => {
                self.projects.insert(slug(by, *project));
                if let Some(lease) = self.held(slot_key(*project, pool, *slot), *token) {
                    *lease = None;
                }
            }
            Event::ConductorTookOver { .. }
            | Event::SlotLeaseAdopted { .. }
            | Event::PoolPaused { .. }
            | Event::PoolResumed { .. }
            | Event::ExecutorJoined { .. }
            | Event::ExecutorDraining { .. }
            | Event::ExecutorSilent { .. }
            | Event::ExecutorReturned { .. }
            | Event::ExecutorLeft { .. }
            | Event::ProjectCreated { .. }
            | Event::StackChanged { .. }
            | Event::RepositoryAttached { .. }
            | Event::DeliveryDecided(_)
            | Event::RunDispatched { .. }
            | Event::RunClaimed { .. }
            | Event::RunStarted { .. }
            | Event::RunAttemptLost { .. }
            | Event::RunDeferred { .. }
            | Event::RunCancelRequested { .. }
            | Event::CommandRejected { .. }
            | Event::InputLost { .. }
            | Event::InputParked { .. } => {}
        }
        Ok(())
    }

    fn resize(&mut self, by: &Projected, project: ProjectId, pool: &Name, size: u32) {
        let row = Pool {
            project: slug(by, project),
            size: size.cast_signed(),
            revision: by.seq.cast_signed(),
        };
        self.projects.insert(row.project.clone());
        self.pools.insert((project.uuid(), pool.to_string()), row);
    }

    fn wait(&mut self, run: RunId, waiting: bool) -> Result<(), ApplyError> {
        let live = self.runs.get_mut(&run.uuid()).and_then(Option::as_mut);
        let live = live.ok_or(ApplyError::UnknownRun(run))?;
        live.waiting = waiting;
        self.projects.insert(live.project.clone());
        Ok(())
    }

    fn request(&mut self, by: &Projected, requested: &RunRequested) {
        let project = slug(by, requested.project);
        self.projects.insert(project.clone());
        let pool = (requested.project.uuid(), requested.pool.to_string());
        let run = LiveRun {
            pool,
            project,
            waiting: true,
        };
        self.runs.insert(requested.run.uuid(), Some(run));
    }

    /// The slot's entry, if it is held under `token`.
    fn held(&mut self, slot: SlotKey, token: u64) -> Option<&mut Option<Lease>> {
        let entry = self.leases.get_mut(&slot)?;
        let holds = entry
            .as_ref()
            .is_some_and(|lease| lease.token == token.cast_signed());
        holds.then_some(entry)
    }
}

pub(super) fn slot_key(project: ProjectId, pool: &Name, slot: u32) -> SlotKey {
    (project.uuid(), pool.to_string(), slot.cast_signed())
}

fn slug(by: &Projected, project: ProjectId) -> String {
    by.commit
        .project
        .as_ref()
        .map_or_else(|| project.to_string(), ToString::to_string)
}
