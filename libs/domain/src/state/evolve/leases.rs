//! How leases are granted, move and end.

use super::super::{Lease, State};
use crate::{
    ids::{ExecutorId, ProjectId, RunId},
    name::Name,
    report::Execution,
};

impl State {
    pub(super) fn lease(
        &mut self,
        project: ProjectId,
        pool: &Name,
        slot: u32,
        id: RunId,
        token: u64,
    ) {
        self.last_token = self.last_token.max(token);
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        run.slot = Some(slot);
        run.token = token;
        let execution = Execution {
            run: id,
            attempt: run.attempt,
            token,
        };
        let group = run.concurrency.map(|concurrency| concurrency.group);
        let (age, timeout_s) = (run.age, run.timeout_s);
        if let Some(group) = group {
            self.groups.insert(group, id);
        }
        if let Some(pool) = self.pool_mut(project, pool) {
            pool.queue.remove(&(age, id));
            pool.leases.insert(
                slot,
                Lease {
                    execution,
                    executor: None,
                    releasing: false,
                    moved: false,
                    timeout_s,
                    group,
                },
            );
        }
    }

    pub(super) fn move_lease(
        &mut self,
        project: ProjectId,
        pool: &Name,
        slot: u32,
        id: RunId,
        token: u64,
        executor: ExecutorId,
    ) {
        self.last_token = self.last_token.max(token);
        let Some(lease) = self.lease_mut(project, pool, slot) else {
            return;
        };
        let before = std::mem::replace(&mut lease.execution.token, token);
        let gone = lease.executor.replace(executor);
        lease.moved = true;
        self.with_run(id, |run| {
            if run.token == before {
                run.token = token;
                run.executor = Some(executor);
            }
        });
        if let Some(gone) = gone {
            self.forget_if_gone(gone);
        }
    }

    pub(super) fn release(&mut self, project: ProjectId, pool: &Name, slot: u32, token: u64) {
        let Some(pool) = self.pool_mut(project, pool) else {
            return;
        };
        if pool
            .leases
            .get(&slot)
            .is_none_or(|lease| lease.execution.token != token)
        {
            return;
        }
        let Some(lease) = pool.leases.remove(&slot) else {
            return;
        };
        if let Some(group) = lease.group {
            self.groups.remove(&group);
        }
        if let Some(executor) = lease.executor {
            self.forget_if_gone(executor);
        }
    }

    pub(super) fn with_lease(&mut self, id: RunId, change: impl FnOnce(&mut Lease)) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (project, pool, slot) = (run.project, run.pool.clone(), run.slot);
        if let Some(lease) = slot.and_then(|slot| self.lease_mut(project, &pool, slot)) {
            change(lease);
        }
    }

    pub(super) fn lease_mut(
        &mut self,
        project: ProjectId,
        pool: &Name,
        slot: u32,
    ) -> Option<&mut Lease> {
        self.pool_mut(project, pool)?.leases.get_mut(&slot)
    }
}
