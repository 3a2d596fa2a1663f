//! What the core remembers: live work, and for stated times what it needs to repeat nothing.

mod evolve;
mod memory;
mod orders;

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
    run::{Reason, Status},
    sealed::Sealed,
    timestamp::Timestamp,
};

/// Version of [`State`]'s shape and of the rules that fold it. Snapshots of another version are
/// not read.
pub const STATE_VERSION: u32 = 2;

/// How long ids and natural keys of started runs, and the ids of their deliveries, are remembered.
pub const STARTED_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long the outcome of a command is remembered.
pub const OUTCOME_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// How long a claimed attempt may take to start: scheduling and pulling the image included.
pub(crate) const START_WITHIN: Duration = Duration::from_secs(30 * 60);

/// How long beyond its timeout a started attempt may stay unheard of.
pub(crate) const SILENCE: Duration = Duration::from_secs(120);

/// How long after its start nothing may be heard of an attempt with this timeout in seconds.
#[must_use]
pub const fn unheard(timeout_s: u64) -> Duration {
    Duration::from_secs(timeout_s).saturating_add(SILENCE)
}

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
    /// Executors that are there, or that hold leases.
    pub executors: BTreeMap<ExecutorId, Executor>,
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
    /// Nothing starts.
    pub paused: bool,
    /// Leases by slot number, from 1.
    pub leases: BTreeMap<u32, Lease>,
    /// Runs that wait for a slot, oldest first.
    pub queue: BTreeSet<(u64, RunId)>,
}

impl Pool {
    /// The lowest free slot number; `None` when the pool is full or paused.
    #[must_use]
    pub fn free_slot(&self) -> Option<u32> {
        self.free_slot_after(0)
    }

    /// The lowest free slot number above `after`, below which none is free.
    pub(crate) fn free_slot_after(&self, after: u32) -> Option<u32> {
        if self.paused || self.leases.len() >= self.size as usize {
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
    /// It moved, and its new holder has not adopted the execution yet.
    pub moved: bool,
    /// Longest the run may take, in seconds.
    pub timeout_s: u64,
    /// Concurrency group it occupies.
    pub group: Option<Digest>,
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Executor {
    /// Executors of one site can adopt each other's executions; `None` when it never said.
    pub site: Option<Name>,
    /// Pools it serves.
    pub pools: BTreeSet<Name>,
    /// Whether it can be counted on.
    pub standing: Standing,
}

/// Whether an executor can be counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It serves its pools.
    Present,
    /// It looks after what it has and takes nothing new.
    Draining,
    /// Nothing is heard of it.
    Silent,
    /// It said that it stops.
    Left,
}

impl Standing {
    /// Whether its leases are to move.
    #[must_use]
    pub const fn is_away(self) -> bool {
        matches!(self, Self::Silent | Self::Left)
    }
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
