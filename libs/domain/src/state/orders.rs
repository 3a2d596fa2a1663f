//! What executors should be doing, as it follows from the state.

use std::collections::BTreeSet;

use super::{Lease, Standing, State};
use crate::{
    commit::Commit,
    event::Event,
    ids::{ExecutorId, ProjectId, RunId},
    name::Name,
    report::{Assignment, Execution, Order},
    run::{RunCommand, Start, Status},
};

/// A lease and where it is.
pub(crate) struct Held<'a> {
    pub(crate) project: ProjectId,
    pub(crate) pool: &'a Name,
    pub(crate) slot: u32,
    pub(crate) lease: &'a Lease,
}

impl State {
    /// The start to ask for, if this run waits for one.
    #[must_use]
    pub fn run_command(&self, id: RunId) -> Option<RunCommand> {
        let run = self.runs.get(&id)?;
        let waits = run.status == Status::Dispatched && run.executor.is_none();
        if !waits || run.cancel.is_some() {
            return None;
        }
        let slug = self.projects.get(&run.project)?.slug.clone();
        Some(RunCommand::Start(Start {
            execution: run.execution(id),
            spec: run.spec.clone(),
            project: run.project,
            slug,
            pool: run.pool.clone(),
            trigger: run.trigger.clone(),
            delivery: run.delivery.clone(),
            event: run.event.clone(),
            traceparent: run.traceparent.clone(),
        }))
    }

    /// Every start that is not claimed: what a new leader asks for again.
    #[must_use]
    pub fn outstanding(&self) -> Vec<RunCommand> {
        self.runs
            .keys()
            .filter_map(|id| self.run_command(*id))
            .collect()
    }

    /// Every lease.
    pub(crate) fn leases(&self) -> impl Iterator<Item = Held<'_>> {
        self.projects.iter().flat_map(|(project, state)| {
            state.pools.iter().flat_map(|(pool, state)| {
                state.leases.iter().map(|(slot, lease)| Held {
                    project: *project,
                    pool,
                    slot: *slot,
                    lease,
                })
            })
        })
    }

    /// Leases of one executor.
    pub(crate) fn leases_of(&self, executor: ExecutorId) -> impl Iterator<Item = Held<'_>> {
        self.leases()
            .filter(move |held| held.lease.executor == Some(executor))
    }

    /// Whether a run has not ended, or something of it may still execute.
    pub(crate) fn may_execute(&self, project: ProjectId, run: RunId) -> bool {
        let pools = self.projects.get(&project).map(|known| &known.pools);
        let mut leases = pools
            .into_iter()
            .flatten()
            .flat_map(|(_, pool)| pool.leases.values());
        self.runs.contains_key(&run) || leases.any(|lease| lease.execution.run == run)
    }

    /// Executors that hold leases or are expected to be there.
    #[must_use]
    pub fn watched_executors(&self) -> BTreeSet<ExecutorId> {
        let holders = self.leases().filter_map(|held| held.lease.executor);
        holders.chain(self.executors.keys().copied()).collect()
    }

    /// Whether an executor is expected to be there.
    #[must_use]
    pub fn counts_on(&self, executor: ExecutorId) -> bool {
        self.standing(executor)
            .is_some_and(|standing| standing != Standing::Left)
    }

    /// Whether an executor can be counted on; `None` when it never joined or was forgotten.
    #[must_use]
    pub fn standing(&self, executor: ExecutorId) -> Option<Standing> {
        Some(self.executors.get(&executor)?.standing)
    }

    /// What an executor has to do about the leases it holds.
    #[must_use]
    pub fn orders(&self, executor: ExecutorId) -> Vec<Order> {
        self.leases_of(executor)
            .filter_map(|held| self.order(&held))
            .collect()
    }

    /// Orders that follow from the events of a commit, with their addressees.
    pub(crate) fn orders_after(&self, commit: &Commit) -> Vec<(ExecutorId, Order)> {
        let concerned = commit.events().filter_map(|event| match event {
            Event::RunCancelRequested { run, .. } => {
                let run = self.runs.get(run)?;
                self.held(run.project, &run.pool, run.slot?)
            }
            Event::SlotReleasing {
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
            } => self.held(*project, pool, *slot),
            _ => None,
        });
        concerned
            .filter_map(|held| Some((held.lease.executor?, self.order(&held)?)))
            .collect()
    }

    /// What its holder has to do about a lease.
    fn order(&self, held: &Held<'_>) -> Option<Order> {
        let assignment = || Assignment {
            pool: held.pool.clone(),
            execution: held.lease.execution,
        };
        if held.lease.moved {
            return Some(Order::Adopt(assignment()));
        }
        let run = self.runs.get(&held.lease.execution.run);
        let canceled = run.is_some_and(|run| {
            run.cancel.is_some() && run.execution(held.lease.execution.run) == held.lease.execution
        });
        (held.lease.releasing || canceled).then(|| Order::Cancel(assignment()))
    }

    fn held(&self, project: ProjectId, pool: &Name, slot: u32) -> Option<Held<'_>> {
        let (pool, state) = self.projects.get(&project)?.pools.get_key_value(pool)?;
        let lease = state.leases.get(&slot)?;
        Some(Held {
            project,
            pool,
            slot,
            lease,
        })
    }

    /// The lease under which an execution runs.
    pub(crate) fn lease_of(&self, execution: Execution) -> Option<Held<'_>> {
        if let Some(run) = self.runs.get(&execution.run) {
            let held = self.held(run.project, &run.pool, run.slot?)?;
            return (held.lease.execution == execution).then_some(held);
        }
        self.leases().find(|held| held.lease.execution == execution)
    }
}
