//! The facts of the log. Past tense, versioned, ids and numbers only (texts are [`Sealed`]).

use serde::{Deserialize, Serialize};

use crate::{
    command::Rejection,
    digest::Digest,
    ids::{DeliveryId, ExecutorId, PersonRef, ProjectId, Provider, RepositoryRef, RunId},
    name::Name,
    report::Place,
    run::{Mode, Reason},
    sealed::Sealed,
    timestamp::Timestamp,
};

/// One fact. In JSON `{"type":"run.requested","v":1,"id":"run_…","data":{…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
#[allow(missing_docs, reason = "the fields are named as the field's terms are")]
pub enum Event {
    /// A conductor became leader; everything of an older epoch is void.
    #[serde(rename = "conductor.took_over")]
    ConductorTookOver { epoch: u64, instance: String },
    #[serde(rename = "project.created")]
    ProjectCreated { project: ProjectId, slug: Name },
    /// The project's default stack is now the document with this digest.
    #[serde(rename = "project.stack_changed")]
    StackChanged {
        project: ProjectId,
        stack: Digest,
        document: Sealed,
    },
    #[serde(rename = "pool.resized")]
    PoolResized {
        project: ProjectId,
        pool: Name,
        size: u32,
    },
    /// Nothing of the pool starts until it is resumed.
    #[serde(rename = "pool.paused")]
    PoolPaused { project: ProjectId, pool: Name },
    #[serde(rename = "pool.resumed")]
    PoolResumed { project: ProjectId, pool: Name },
    /// An executor serves a pool. Executors of one site can adopt each other's executions.
    #[serde(rename = "executor.joined")]
    ExecutorJoined {
        executor: ExecutorId,
        pool: Name,
        site: Name,
        backend: Name,
    },
    /// It takes nothing new and leaves once what it has ended.
    #[serde(rename = "executor.draining")]
    ExecutorDraining { executor: ExecutorId },
    /// Nothing was heard of it for a whole lease term.
    #[serde(rename = "executor.silent")]
    ExecutorSilent { executor: ExecutorId },
    /// It was heard again.
    #[serde(rename = "executor.returned")]
    ExecutorReturned { executor: ExecutorId },
    /// It said that it stops.
    #[serde(rename = "executor.left")]
    ExecutorLeft { executor: ExecutorId },
    #[serde(rename = "repository.attached")]
    RepositoryAttached {
        project: ProjectId,
        repository: RepositoryRef,
    },
    /// The decision on a delivery, with every trigger that was considered.
    #[serde(rename = "delivery.decided")]
    DeliveryDecided(Box<DeliveryDecided>),
    #[serde(rename = "run.requested")]
    RunRequested(Box<RunRequested>),
    /// A slot was leased to a run under a new fencing token.
    #[serde(rename = "slot.leased")]
    SlotLeased {
        project: ProjectId,
        pool: Name,
        slot: u32,
        run: RunId,
        token: u64,
    },
    /// The start of an attempt was asked for; it must be claimed by `claim_by`.
    #[serde(rename = "run.dispatched")]
    RunDispatched {
        run: RunId,
        attempt: u32,
        token: u64,
        claim_by: Timestamp,
    },
    /// An executor owns the attempt; something must be heard of it by `deadline`.
    #[serde(rename = "run.claimed")]
    RunClaimed {
        run: RunId,
        attempt: u32,
        token: u64,
        executor: ExecutorId,
        deadline: Timestamp,
    },
    #[serde(rename = "run.started")]
    RunStarted {
        run: RunId,
        attempt: u32,
        started_at: Timestamp,
        #[serde(default, skip_serializing_if = "Place::is_nowhere")]
        place: Place,
    },
    /// Infrastructure failed the attempt; the next one may start at `retry_at`.
    #[serde(rename = "run.attempt_lost")]
    RunAttemptLost {
        run: RunId,
        attempt: u32,
        reason: Reason,
        retry_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Sealed>,
    },
    /// The backoff is over; the run waits for a slot again.
    #[serde(rename = "run.requeued")]
    RunRequeued { run: RunId, attempt: u32 },
    /// There was more to do for the run than one decision may hold; the next tick goes on.
    #[serde(rename = "run.deferred")]
    RunDeferred { run: RunId, attempt: u32 },
    #[serde(rename = "run.cancel_requested")]
    RunCancelRequested { run: RunId, reason: Reason },
    /// Final.
    #[serde(rename = "run.finished")]
    RunFinished(RunFinished),
    /// The run is over for the core, but the end of its execution was not observed.
    #[serde(rename = "slot.releasing")]
    SlotReleasing {
        project: ProjectId,
        pool: Name,
        slot: u32,
        run: RunId,
        token: u64,
    },
    /// The holder went silent or left; another executor of its site adopts the execution under a
    /// new fencing token. What the old one still reports changes nothing.
    #[serde(rename = "slot.lease_moved")]
    SlotLeaseMoved {
        project: ProjectId,
        pool: Name,
        slot: u32,
        run: RunId,
        token: u64,
        executor: ExecutorId,
    },
    /// The new holder looks after the execution.
    #[serde(rename = "slot.lease_adopted")]
    SlotLeaseAdopted {
        project: ProjectId,
        pool: Name,
        slot: u32,
        run: RunId,
        token: u64,
    },
    #[serde(rename = "slot.released")]
    SlotReleased {
        project: ProjectId,
        pool: Name,
        slot: u32,
        run: RunId,
        token: u64,
    },
    #[serde(rename = "command.rejected")]
    CommandRejected { code: Rejection },
    /// Messages of an input stream were gone before they were read.
    #[serde(rename = "input.lost")]
    InputLost { stream: String, from: u64, to: u64 },
    /// An input that cannot be applied was set aside.
    #[serde(rename = "input.parked")]
    InputParked {
        stream: String,
        seq: u64,
        problem: InputProblem,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery: Option<DeliveryId>,
    },
}

/// Data of `delivery.decided`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named as the field's terms are")]
pub struct DeliveryDecided {
    pub delivery: DeliveryId,
    pub provider: Provider,
    pub event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<PersonRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    pub received_at: Timestamp,
    pub reason: DecisionReason,
    pub triggers: Vec<TriggerVerdict>,
}

/// Why a delivery was decided as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionReason {
    /// At least one run was requested.
    Started,
    /// Triggers matched, but each of their runs exists already.
    AlreadyStarted,
    /// No trigger of the stack matched.
    NoTriggerMatched,
    /// The stack has no triggers.
    NoTriggers,
    /// The project has no stack, or its text is gone from the vault.
    NoStack,
    /// No project takes deliveries of this repository.
    NoProject,
    /// The host's test message for a new webhook.
    Ping,
}

impl DecisionReason {
    /// Whether the delivery started something.
    #[must_use]
    pub const fn accepted(self) -> bool {
        matches!(self, Self::Started)
    }
}

/// What one trigger made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerVerdict {
    /// Name of the trigger.
    pub trigger: Name,
    /// Why.
    pub reason: VerdictReason,
    /// The run requested, or the run that exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// Why a trigger matched or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictReason {
    /// It requested a run.
    Started,
    /// It listens to another event.
    EventDiffers,
    /// The action is not among its actions.
    ActionDiffers,
    /// None of its labels is there.
    LabelMissing,
    /// The branch is not among its branches.
    BranchDiffers,
    /// No changed file is among its paths.
    PathsUntouched,
    /// Its condition is false.
    ConditionFalse,
    /// Its condition could not be evaluated.
    ConditionFailed,
    /// A template names a value this event does not have, or its text grows too long.
    TemplateFailed,
    /// The project has no such pool.
    PoolMissing,
    /// The same action already started this run, perhaps under another delivery id.
    AlreadyStarted,
}

/// Data of `run.requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named as the field's terms are")]
pub struct RunRequested {
    pub run: RunId,
    pub project: ProjectId,
    pub trigger: Name,
    pub name: Name,
    pub delivery: DeliveryId,
    pub provider: Provider,
    pub event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<PersonRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    pub pool: Name,
    pub timeout_s: u64,
    pub mode: Mode,
    pub spec: Sealed,
    /// Digest of the natural key.
    pub natural_key: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// W3C trace context that everything done for the run continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The ended run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
}

/// At most one run of a group executes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Digest of project and rendered group.
    pub group: Digest,
    /// Whether a newer run ends the older ones.
    pub cancel_superseded: bool,
}

/// Data of `run.finished`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named as the field's terms are")]
pub struct RunFinished {
    pub run: RunId,
    pub attempt: u32,
    pub result: RunResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    pub finished_at: Timestamp,
    pub log_bytes: u64,
    /// What the system said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Sealed>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Exit code 0.
    Succeeded,
    /// Anything else that nobody asked for.
    Failed,
    /// Somebody or a newer run ended it.
    Canceled,
}

/// Why an input was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputProblem {
    /// It is not what its subject says.
    Undecodable,
    /// The core failed on it.
    CorePanicked,
}

impl Event {
    /// Version written today. A change of meaning or shape gets a new one and an upcaster
    /// ([`crate::upcast`]).
    #[must_use]
    pub const fn version(&self) -> u16 {
        match self {
            // 2: the run it repeats.
            Self::RunRequested(_) => 2,
            // 2: where it executes.
            Self::RunStarted { .. } => 2,
            // 2: what the system said about the end.
            Self::RunAttemptLost { .. } | Self::RunFinished(_) => 2,
            _ => 1,
        }
    }

    /// `<aggregate>.<event>`, as in JSON and subjects.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::ConductorTookOver { .. } => "conductor.took_over",
            Self::ProjectCreated { .. } => "project.created",
            Self::StackChanged { .. } => "project.stack_changed",
            Self::PoolResized { .. } => "pool.resized",
            Self::RepositoryAttached { .. } => "repository.attached",
            Self::DeliveryDecided(_) => "delivery.decided",
            Self::RunRequested(_) => "run.requested",
            Self::SlotLeased { .. } => "slot.leased",
            Self::RunDispatched { .. } => "run.dispatched",
            Self::RunClaimed { .. } => "run.claimed",
            Self::RunStarted { .. } => "run.started",
            Self::RunAttemptLost { .. } => "run.attempt_lost",
            Self::RunRequeued { .. } => "run.requeued",
            Self::RunDeferred { .. } => "run.deferred",
            Self::RunCancelRequested { .. } => "run.cancel_requested",
            Self::RunFinished(_) => "run.finished",
            Self::SlotReleasing { .. } => "slot.releasing",
            Self::SlotLeaseMoved { .. } => "slot.lease_moved",
            Self::SlotLeaseAdopted { .. } => "slot.lease_adopted",
            Self::SlotReleased { .. } => "slot.released",
            Self::PoolPaused { .. } => "pool.paused",
            Self::PoolResumed { .. } => "pool.resumed",
            Self::ExecutorJoined { .. } => "executor.joined",
            Self::ExecutorDraining { .. } => "executor.draining",
            Self::ExecutorSilent { .. } => "executor.silent",
            Self::ExecutorReturned { .. } => "executor.returned",
            Self::ExecutorLeft { .. } => "executor.left",
            Self::CommandRejected { .. } => "command.rejected",
            Self::InputLost { .. } => "input.lost",
            Self::InputParked { .. } => "input.parked",
        }
    }

    /// Id of the aggregate, for people who follow a subject.
    #[must_use]
    pub fn aggregate_id(&self) -> String {
        match self {
            Self::ConductorTookOver { instance, .. } => instance.clone(),
            Self::ProjectCreated { project, .. } | Self::StackChanged { project, .. } => {
                project.to_string()
            }
            Self::RepositoryAttached { repository, .. } => {
                format!("{}/{}", repository.provider, repository.id)
            }
            Self::DeliveryDecided(decided) => decided.delivery.to_string(),
            Self::PoolResized { pool, .. }
            | Self::PoolPaused { pool, .. }
            | Self::PoolResumed { pool, .. } => pool.to_string(),
            Self::ExecutorJoined { executor, .. }
            | Self::ExecutorDraining { executor }
            | Self::ExecutorSilent { executor }
            | Self::ExecutorReturned { executor }
            | Self::ExecutorLeft { executor } => executor.to_string(),
            Self::SlotLeased { pool, slot, .. }
            | Self::SlotLeaseMoved { pool, slot, .. }
            | Self::SlotLeaseAdopted { pool, slot, .. }
            | Self::SlotReleasing { pool, slot, .. }
            | Self::SlotReleased { pool, slot, .. } => format!("{pool}/{slot}"),
            Self::CommandRejected { .. } => "command".to_owned(),
            Self::InputLost { stream, from, .. } => format!("{stream}/{from}"),
            Self::InputParked { stream, seq, .. } => format!("{stream}/{seq}"),
            _ => self.run().map(|run| run.to_string()).unwrap_or_default(),
        }
    }

    /// The run it is about.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::RunRequested(requested) => Some(requested.run),
            Self::RunFinished(finished) => Some(finished.run),
            Self::SlotLeased { run, .. }
            | Self::RunDispatched { run, .. }
            | Self::RunClaimed { run, .. }
            | Self::RunStarted { run, .. }
            | Self::RunAttemptLost { run, .. }
            | Self::RunRequeued { run, .. }
            | Self::RunDeferred { run, .. }
            | Self::RunCancelRequested { run, .. }
            | Self::SlotLeaseMoved { run, .. }
            | Self::SlotLeaseAdopted { run, .. }
            | Self::SlotReleasing { run, .. }
            | Self::SlotReleased { run, .. } => Some(*run),
            _ => None,
        }
    }
}
