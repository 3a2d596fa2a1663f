//! What executors saw.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ExecutorId, RunId},
    name::Name,
    timestamp::Timestamp,
};

/// One message of REPORTS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMessage {
    /// Who reports.
    pub executor: ExecutorId,
    /// What.
    pub report: Report,
}

/// One attempt at a run under one lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Execution {
    /// The run.
    pub run: RunId,
    /// From 1.
    pub attempt: u32,
    /// Fencing token of the lease; a report with an older one changes nothing.
    pub token: u64,
}

/// The reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Report {
    /// Asks for the right to start. Nothing is created before the answer [`Reply::Granted`].
    #[serde(rename = "claim")]
    Claim(Execution),
    /// Asks for the right to look after an execution whose lease moved here, before it is touched.
    /// Answered as a claim.
    #[serde(rename = "adopt")]
    Adopt(Execution),
    /// The process or pod runs.
    #[serde(rename = "started")]
    Started {
        /// Which attempt.
        execution: Execution,
        /// When it started.
        at: Timestamp,
        /// Where it executes.
        #[serde(default, skip_serializing_if = "Place::is_nowhere")]
        place: Place,
    },
    /// The end of the execution was observed, or that there is none and will be none.
    #[serde(rename = "finished")]
    Finished {
        /// Which attempt.
        execution: Execution,
        /// How it ended.
        end: End,
        /// When it ended.
        at: Timestamp,
        /// Bytes of output kept in LOGS.
        log_bytes: u64,
        /// What the system, node or API server said about it, at most [`LONGEST_DETAIL`] bytes.
        /// Sealed into the vault by the conductor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Sent when an executor starts or is not known any more: the attempts it knows. Answered
    /// with [`Reply::Differences`].
    #[serde(rename = "inventory")]
    Inventory {
        /// The pool it serves.
        pool: Name,
        /// What it found.
        executions: Vec<Execution>,
        /// Who can continue its work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        membership: Option<Membership>,
    },
    /// The executor takes nothing new and stops when all it has ended.
    #[serde(rename = "draining")]
    Draining,
    /// The executor stops now and creates nothing any more: its leases may move at once.
    #[serde(rename = "leaving")]
    Leaving,
}

/// Who can continue the work of an executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Executors of one site can adopt each other's executions: they reach the same cluster, or
    /// use the same data folder one after the other.
    pub site: Name,
    /// Kind of its backend.
    pub backend: Name,
}

/// Longest detail of an end, in bytes; the rest is cut off.
pub const LONGEST_DETAIL: usize = 2048;

/// Where an attempt executes, as far as its backend has such places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kubernetes Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Pod, or `pid:<number>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Node or host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Place {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        *self == Self::default()
    }
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum End {
    /// The process ended by itself.
    Exited {
        /// 0 is success.
        code: i32,
    },
    /// A signal ended it that Maestro did not send.
    Signaled {
        /// Signal number.
        signal: i32,
    },
    /// It used more memory than it may.
    OomKilled,
    /// It ran into the deadline of its run and was ended.
    DeadlineExceeded,
    /// It was ended because of a cancel command.
    Canceled,
    /// Its node needed the room.
    Evicted,
    /// Something more important took its place.
    Preempted,
    /// Its node went away.
    NodeLost,
    /// Its image could not be pulled in time.
    ImagePull,
    /// No node took it in time.
    Unschedulable,
    /// It could not be started at all.
    LaunchRejected,
    /// It is gone without a trace of its result.
    Lost,
}

/// What the conductor answers a report that asks, once the commit is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Reply {
    /// The claim stands: start it.
    Granted,
    /// The claim is refused for good: start nothing.
    Refused,
    /// How an inventory differs from what the executor should have.
    Differences {
        /// It holds the lease but does not have them: adopt each, or report it as [`End::Lost`].
        missing: Vec<Execution>,
        /// It has them but holds no lease: their leases moved or were given up.
        stale: Vec<Execution>,
    },
    /// The report is part of the log (or changes nothing): it need not be sent again.
    Recorded,
    /// Outcome of a command.
    Outcome(crate::command::Outcome),
}

/// An execution and the pool it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The pool.
    pub pool: Name,
    /// The attempt and the token of its lease.
    pub execution: Execution,
}

/// Something one executor has to do about an execution whose lease it holds. Sent at once and, in
/// [`Orders`], again with every heartbeat until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", content = "of", rename_all = "snake_case")]
pub enum Order {
    /// Its lease moved here: report [`Report::Adopt`], then look after it, or report [`End::Lost`] if it is gone.
    Adopt(Assignment),
    /// End it; if it never started, make sure it never will, and report [`End::Canceled`].
    Cancel(Assignment),
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Whether the conductor counts on this executor; if not, it has to send its inventory.
    pub known: bool,
    /// Lease term in milliseconds: after so long without an answer nothing new is created.
    pub term_ms: u64,
    /// What is to be done.
    pub orders: Vec<Order>,
}
