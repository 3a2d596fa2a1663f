//! What the core remembers: live work, and for stated times what it needs to repeat nothing.

mod evolve;
mod memory;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub(crate) use self::evolve::{delivery_key, run_key};
pub use self::memory::Memory;
use crate::{
    command::Outcome,
    commit::Cursors,
    digest::Digest,
    event::Concurrency,
    ids::{CommandKey, DeliveryId, ExecutorId, ProjectId, RepositoryRef, RunId},
    name::Name,
    report::Execution,
    run::{Reason, RunCommand, Start, Status},
    sealed::Sealed,
    timestamp::Timestamp,
};

/// Version of [`State`]'s shape and of the rules that fold it. Snapshots of another version are
/// not read.
pub const STATE_VERSION: u32 = 1;

/// How long ids and natural keys of started runs, and the ids of their deliveries, are remembered.
pub const STARTED_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long the outcome of a command is remembered.
pub const OUTCOME_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// The fold of all commits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The last commit.
    pub head: Head,
    /// Position in every input stream.
    pub cursors: Cursors,
    /// Projects, by id.
    pub projects: BTreeMap<ProjectId, Project>,
    /// Attached repositories.
    #[serde(with = "pairs")]
    pub repositories: BTreeMap<RepositoryRef, ProjectId>,
    /// Runs that have not ended.
    pub runs: BTreeMap<RunId, Run>,
    /// When each waiting run has to be looked at; at most one entry a run.
    pub timers: BTreeSet<(Timestamp, RunId)>,
    /// The run that executes in each concurrency group.
    pub groups: BTreeMap<Digest, RunId>,
    /// Natural keys and ids of started runs, and ids of the deliveries that started them.
    pub started: Memory<Digest, RunId>,
    /// Outcomes of commands.
    pub outcomes: Memory<CommandKey, Outcome>,
    /// Last fencing token given out.
    pub last_token: u64,
    /// Runs requested so far; orders them by age.
    pub requested: u64,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last commit; 0 before the first.
    pub n: u64,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its epoch.
    pub epoch: u64,
    /// Its time.
    pub at: Timestamp,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Unique name.
    pub slug: Name,
    /// Digest of its default stack.
    pub stack: Option<Digest>,
    /// Its slot pools.
    pub pools: BTreeMap<Name, Pool>,
}

/// A slot pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Slots it should have. Leases of a pool made smaller live on.
    pub size: u32,
    /// Leases by slot number, from 1.
    pub leases: BTreeMap<u32, Lease>,
    /// Runs that wait for a slot, oldest first.
    pub queue: BTreeSet<(u64, RunId)>,
}

impl Pool {
    /// The lowest free slot number; `None` when the pool is full.
    #[must_use]
    pub fn free_slot(&self) -> Option<u32> {
        self.free_slot_after(0)
    }

    /// The lowest free slot number above `after`, below which none is free.
    pub(crate) fn free_slot_after(&self, after: u32) -> Option<u32> {
        if self.leases.len() >= self.size as usize {
            return None;
        }
        let mut slot = after + 1;
        for leased in self.leases.range(slot..).map(|(number, _)| *number) {
            if leased != slot {
                break;
            }
            slot += 1;
        }
        (slot <= self.size).then_some(slot)
    }
}

/// The right of one attempt to execute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The attempt and its fencing token.
    pub execution: Execution,
    /// Who claimed it.
    pub executor: Option<ExecutorId>,
    /// The run is over, but the end of the execution was not observed.
    pub releasing: bool,
    /// Concurrency group it occupies.
    pub group: Option<Digest>,
}

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its project.
    pub project: ProjectId,
    /// Its pool.
    pub pool: Name,
    /// Trigger that matched.
    pub trigger: Name,
    /// Delivery that caused it.
    pub delivery: DeliveryId,
    /// Event of that delivery.
    pub event: String,
    /// What it executes.
    pub spec: Sealed,
    /// Longest it may run, in seconds.
    pub timeout_s: u64,
    /// Orders runs by age.
    pub age: u64,
    /// Group it belongs to.
    pub concurrency: Option<Concurrency>,
    /// Pending, dispatched or running.
    pub status: Status,
    /// Current attempt, from 1.
    pub attempt: u32,
    /// Slot it holds.
    pub slot: Option<u32>,
    /// Fencing token of its lease; 0 without one.
    pub token: u64,
    /// Who claimed it.
    pub executor: Option<ExecutorId>,
    /// Why it should end.
    pub cancel: Option<Reason>,
    /// When it has to be looked at.
    pub timer: Option<Timestamp>,
    /// Trace context of its request.
    pub traceparent: Option<String>,
}

impl Run {
    /// Its current attempt.
    #[must_use]
    pub const fn execution(&self, run: RunId) -> Execution {
        Execution {
            run,
            attempt: self.attempt,
            token: self.token,
        }
    }
}

impl State {
    /// The project with this slug.
    #[must_use]
    pub fn project_by_slug(&self, slug: &str) -> Option<(ProjectId, &Project)> {
        self.projects
            .iter()
            .find(|(_, project)| project.slug.as_str() == slug)
            .map(|(id, p)| (*id, p))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// What executors should do about this run now, if anything.
    #[must_use]
    pub fn run_command(&self, id: RunId) -> Option<RunCommand> {
        let run = self.runs.get(&id)?;
        match (run.status, run.executor, run.cancel) {
            (Status::Dispatched, None, None) => {
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
            (Status::Dispatched | Status::Running, Some(executor), Some(_)) => {
                Some(RunCommand::Cancel {
                    execution: run.execution(id),
                    pool: run.pool.clone(),
                    executor,
                })
            }
            _ => None,
        }
    }

    /// Everything executors should be doing: what a new leader sends again.
    #[must_use]
    pub fn outstanding(&self) -> Vec<RunCommand> {
        let live = self.runs.keys().filter_map(|id| self.run_command(*id));
        let releasing = self.projects.values().flat_map(|project| {
            project.pools.iter().flat_map(|(pool, state)| {
                state
                    .leases
                    .values()
                    .filter_map(|lease| release_command(pool, lease))
            })
        });
        live.chain(releasing).collect()
    }
}

/// The command that ends what a releasing slot may still hold.
pub(crate) fn release_command(pool: &Name, lease: &Lease) -> Option<RunCommand> {
    lease.releasing.then_some(())?;
    Some(RunCommand::Cancel {
        execution: lease.execution,
        pool: pool.clone(),
        executor: lease.executor?,
    })
}

mod pairs {
    //! Maps whose keys are not texts, as lists of pairs in JSON.

    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}
