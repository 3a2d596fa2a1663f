//! From a row to a [`Run`].

use maestro_domain::{ExecutorId, ProjectId, RunId, report::Place};

use super::Run;
use crate::{
    codec::{from_time, read},
    error::Error,
    projections::RunRow,
};

impl TryFrom<RunRow> for Run {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self, Error> {
        Ok(Self {
            id: RunId::new(row.id),
            project_id: ProjectId::new(row.project_id),
            project: row.project,
            trigger: row.trigger,
            name: row.name,
            status: read("runs", "status", row.status)?,
            reason: row
                .reason
                .map(|reason| read("runs", "reason", reason))
                .transpose()?,
            attempt: row.attempt.cast_unsigned(),
            exit_code: row.exit_code,
            signal: row.signal,
            delivery: read("runs", "delivery_id", row.delivery_id)?,
            provider: read("runs", "provider", row.provider)?,
            event: row.event,
            repository: row.repository,
            sender: row.sender,
            number: row.number.map(i64::cast_unsigned),
            pool: row.pool,
            slot: row.slot.map(i32::cast_unsigned),
            executor: row.executor_id.map(ExecutorId::new),
            mode: read("runs", "mode", row.mode)?,
            timeout_s: row.timeout_s.cast_unsigned(),
            requested_at: from_time(row.requested_at),
            started_at: row.started_at.map(from_time),
            finished_at: row.finished_at.map(from_time),
            log_bytes: row.log_bytes.cast_unsigned(),
            cancel_requested: row.cancel_requested,
            trace_id: row.trace_id,
            revision: row.revision.cast_unsigned(),
            place: Place {
                namespace: row.namespace,
                job: row.job,
                pod: row.pod,
                node: row.node,
            },
            detail: row.detail,
            retry_of: row.retry_of.map(RunId::new),
        })
    }
}
