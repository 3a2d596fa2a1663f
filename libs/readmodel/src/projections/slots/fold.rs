//! What the events of a batch make of the rows they touch.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{Event, Name, ProjectId, RunId, event::RunRequested, state::unheard};
use uuid::Uuid;

use super::{
    executors::Executors,
    row::{Lease, LiveRun, Pool, PoolKey, SlotKey, slot_key},
};
use crate::{codec::to_time, error::ApplyError, projection::Projected};

/// Rows touched by a batch; `None` where there is none (any more).
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Slugs of new projects.
    pub(super) slugs: BTreeMap<Uuid, String>,
    pub(super) pools: BTreeMap<PoolKey, Pool>,
    pub(super) leases: BTreeMap<SlotKey, Option<Lease>>,
    /// Which slot a run holds.
    pub(super) holders: BTreeMap<Uuid, SlotKey>,
    pub(super) runs: BTreeMap<Uuid, Option<LiveRun>>,
    pub(super) executors: Executors,
    /// Slugs of the projects touched.
    pub(super) projects: BTreeSet<String>,
}

impl Fold {
    pub(super) fn evolve(
        &mut self,
        by: &Projected,
        index: u32,
        event: &Event,
    ) -> Result<(), ApplyError> {
        match event {
            Event::ProjectCreated { .. }
            | Event::PoolResized { .. }
            | Event::PoolPaused { .. }
            | Event::PoolResumed { .. } => self.evolve_pools(by, event),
            Event::RunRequested(requested) => self.request(by, index, requested),
            Event::RunDispatched { .. }
            | Event::RunClaimed { .. }
            | Event::RunStarted { .. }
            | Event::RunAttemptLost { .. }
            | Event::RunRequeued { .. }
            | Event::RunFinished(_) => self.evolve_runs(by, event)?,
            Event::SlotLeased {
                project,
                pool,
                slot,
                run,
                token,
            } => self.lease(by, slot_key(*project, pool, *slot), *run, *token)?,
            Event::SlotReleasing { .. }
            | Event::SlotLeaseMoved { .. }
            | Event::SlotLeaseAdopted { .. }
            | Event::SlotReleased { .. } => self.evolve_lease(by, event),
            Event::ExecutorJoined { .. }
            | Event::ExecutorDraining { .. }
            | Event::ExecutorSilent { .. }
            | Event::ExecutorReturned { .. }
            | Event::ExecutorLeft { .. } => self.executors.evolve(event, to_time(by.commit.at))?,
            Event::ConductorTookOver { .. }
            | Event::StackChanged { .. }
            | Event::RepositoryAttached { .. }
            | Event::DeliveryDecided(_)
            | Event::RunDeferred { .. }
            | Event::RunCancelRequested { .. }
            | Event::CommandRejected { .. }
            | Event::InputLost { .. }
            | Event::InputParked { .. } => {}
        }
        Ok(())
    }

    fn evolve_pools(&mut self, by: &Projected, event: &Event) {
        match event {
            Event::ProjectCreated { project, slug } => {
                self.slugs.insert(project.uuid(), slug.to_string());
            }
            Event::PoolResized {
                project,
                pool,
                size,
            } => self.resize(by, *project, pool, *size),
            Event::PoolPaused { project, pool } => self.pause(by, *project, pool, true),
            Event::PoolResumed { project, pool } => self.pause(by, *project, pool, false),
            _ => {}
        }
    }

    fn evolve_runs(&mut self, by: &Projected, event: &Event) -> Result<(), ApplyError> {
        match event {
            Event::RunDispatched {
                run,
                attempt,
                claim_by,
                ..
            } => {
                let number = attempt.cast_signed();
                self.live(*run)?.attempt = number;
                self.with_lease(*run, |lease| {
                    lease.attempt = number;
                    lease.until = Some(to_time(*claim_by));
                });
            }
            Event::RunClaimed {
                run,
                executor,
                deadline,
                ..
            } => {
                self.live(*run)?;
                self.with_lease(*run, |lease| {
                    lease.executor_id = Some(executor.uuid());
                    lease.until = Some(to_time(*deadline));
                });
            }
            Event::RunStarted { run, place, .. } => {
                let timeout_s = self.live(*run)?.timeout_s.cast_unsigned();
                let until = to_time(by.commit.at.after(unheard(timeout_s)));
                self.with_lease(*run, |lease| {
                    lease.place.clone_from(place);
                    lease.until = Some(until);
                });
            }
            Event::RunAttemptLost { run, attempt, .. } => {
                self.live(*run)?.attempt = attempt.cast_signed() + 1;
            }
            Event::RunRequeued { run, .. } => self.live(*run)?.queue(to_time(by.commit.at)),
            Event::RunFinished(finished) => {
                self.live(finished.run)?;
                self.runs.insert(finished.run.uuid(), None);
            }
            _ => {}
        }
        Ok(())
    }

    fn evolve_lease(&mut self, by: &Projected, event: &Event) {
        let (Event::SlotReleasing {
            project,
            pool,
            slot,
            token,
            ..
        }
        | Event::SlotLeaseMoved {
            project,
            pool,
            slot,
            token,
            ..
        }
        | Event::SlotLeaseAdopted {
            project,
            pool,
            slot,
            token,
            ..
        }
        | Event::SlotReleased {
            project,
            pool,
            slot,
            token,
            ..
        }) = event
        else {
            return;
        };
        self.projects.insert(slug(by, *project));
        let entry = self.leases.get_mut(&slot_key(*project, pool, *slot));
        let Some((entry, lease)) = entry.and_then(|entry| {
            let lease = entry.take()?;
            Some((entry, lease))
        }) else {
            return;
        };
        *entry = lease.after(event, token.cast_signed());
    }

    fn resize(&mut self, by: &Projected, project: ProjectId, pool: &Name, size: u32) {
        let key = (project.uuid(), pool.to_string());
        let row = Pool {
            project: slug(by, project),
            size: size.cast_signed(),
            paused: self.pools.get(&key).is_some_and(|pool| pool.paused),
            revision: by.seq.cast_signed(),
        };
        self.projects.insert(row.project.clone());
        self.pools.insert(key, row);
    }

    fn pause(&mut self, by: &Projected, project: ProjectId, pool: &Name, paused: bool) {
        self.projects.insert(slug(by, project));
        if let Some(pool) = self.pools.get_mut(&(project.uuid(), pool.to_string())) {
            pool.paused = paused;
            pool.revision = by.seq.cast_signed();
        }
    }

    fn request(&mut self, by: &Projected, index: u32, requested: &RunRequested) {
        let project = slug(by, requested.project);
        self.projects.insert(project.clone());
        let at = to_time(by.commit.at);
        let run = LiveRun {
            pool: (requested.project.uuid(), requested.pool.to_string()),
            project,
            waiting: true,
            trigger: requested.trigger.to_string(),
            attempt: 1,
            timeout_s: requested.timeout_s.cast_signed(),
            requested_at: at,
            requested_revision: by.seq.cast_signed(),
            requested_index: index.cast_signed(),
            waiting_since: at,
        };
        self.runs.insert(requested.run.uuid(), Some(run));
    }

    fn lease(
        &mut self,
        by: &Projected,
        key: SlotKey,
        run: RunId,
        token: u64,
    ) -> Result<(), ApplyError> {
        let live = self.live(run)?;
        live.waiting = false;
        let lease = Lease::new(live, run, token, to_time(by.commit.at));
        self.holders.insert(run.uuid(), key.clone());
        self.leases.insert(key, Some(lease));
        Ok(())
    }

    /// A run that has not ended; what it holds or waits for changes.
    fn live(&mut self, run: RunId) -> Result<&mut LiveRun, ApplyError> {
        let live = self.runs.get_mut(&run.uuid()).and_then(Option::as_mut);
        let live = live.ok_or(ApplyError::UnknownRun(run))?;
        self.projects.insert(live.project.clone());
        Ok(live)
    }

    /// Changes the lease a run holds, if it holds one.
    fn with_lease(&mut self, run: RunId, change: impl FnOnce(&mut Lease)) {
        let held = self.holders.get(&run.uuid());
        let lease = held.and_then(|key| self.leases.get_mut(key)?.as_mut());
        if let Some(lease) = lease.filter(|lease| lease.run_id == run.uuid()) {
            change(lease);
        }
    }
}

fn slug(by: &Projected, project: ProjectId) -> String {
    by.commit
        .project
        .as_ref()
        .map_or_else(|| project.to_string(), ToString::to_string)
}
