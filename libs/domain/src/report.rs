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
    /// The process or pod runs.
    #[serde(rename = "started")]
    Started {
        /// Which attempt.
        execution: Execution,
        /// When it started.
        at: Timestamp,
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
    },
    /// Sent when an executor starts: the attempts it knows. Answered with
    /// [`Reply::Missing`]: those it should know.
    #[serde(rename = "inventory")]
    Inventory {
        /// The pool it serves.
        pool: Name,
        /// What it found.
        executions: Vec<Execution>,
    },
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
    /// It ran into the deadline of its run and was ended.
    DeadlineExceeded,
    /// It was ended because of a cancel command.
    Canceled,
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
    /// Claimed by this executor but not in its inventory: report each as [`End::Lost`].
    Missing(Vec<Execution>),
    /// The report is part of the log (or changes nothing): it need not be sent again.
    Recorded,
    /// Outcome of a command.
    Outcome(crate::command::Outcome),
}
