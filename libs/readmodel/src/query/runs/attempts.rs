//! Attempts of a run.

use maestro_domain::{
    ExecutorId, Timestamp,
    report::Place,
    run::{Fault, Reason, Status},
};

use crate::{
    codec::{from_time, read},
    error::Error,
    projections::AttemptRow,
};

/// One start of a run under one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Dispatched, running or final. One that infrastructure failed is failed.
    pub status: Status,
    /// Why it did not succeed.
    pub reason: Option<Reason>,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// Executor that looks or looked after it.
    pub executor: Option<ExecutorId>,
    /// Where it executes or did.
    pub place: Place,
    /// When its start was asked for.
    pub dispatched_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When the next attempt may start, where infrastructure failed this one.
    pub retry_at: Option<Timestamp>,
    /// What the system said about its end; `None` when nothing, or erased.
    pub detail: Option<String>,
    /// Bytes of output kept; 0 until the end is known.
    pub log_bytes: u64,
}

impl Attempt {
    /// Whose fault a failure is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.reason.and_then(Reason::fault)
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self, Error> {
        Ok(Self {
            number: row.number.cast_unsigned(),
            status: read("run_attempts", "status", row.status)?,
            reason: row
                .reason
                .map(|reason| read("run_attempts", "reason", reason))
                .transpose()?,
            exit_code: row.exit_code,
            signal: row.signal,
            executor: row.executor_id.map(ExecutorId::new),
            place: Place {
                namespace: row.namespace,
                job: row.job,
                pod: row.pod,
                node: row.node,
            },
            dispatched_at: from_time(row.dispatched_at),
            started_at: row.started_at.map(from_time),
            finished_at: row.finished_at.map(from_time),
            retry_at: row.retry_at.map(from_time),
            detail: row.detail,
            log_bytes: row.log_bytes.cast_unsigned(),
        })
    }
}
