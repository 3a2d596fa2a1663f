//! Between the read models and the contract.

use maestro_contracts::v1;
use maestro_domain::{
    Timestamp,
    event::{TriggerVerdict, VerdictReason},
    explain,
    run::{Fault, Reason, Status},
};
use maestro_eventlog::{LogChunk, Output};
use maestro_readmodel::{
    Delivery, Outcome, ProjectionStatus, Run, RunStory, Slot, SlotPool, SlotState, TimelineEntry,
};
use pbjson_types::Timestamp as ProtoTimestamp;

use crate::error::ApiError;

/// Statuses a request may name.
const MAX_STATUSES: usize = 16;

fn time(at: Timestamp) -> ProtoTimestamp {
    let nanos = i32::try_from(at.millis().rem_euclid(1000)).unwrap_or_default() * 1_000_000;
    ProtoTimestamp {
        seconds: at.millis().div_euclid(1000),
        nanos,
    }
}

pub(super) fn run(run: Run) -> v1::Run {
    let fault = match run.fault() {
        Some(Fault::User) => "user",
        Some(Fault::Infrastructure) => "infrastructure",
        None => "",
    };
    v1::Run {
        id: run.id.to_string(),
        project: run.project,
        trigger: run.trigger,
        name: run.name,
        status: status(run.status).into(),
        reason: run.reason.map_or("", Reason::as_str).to_owned(),
        fault: fault.to_owned(),
        attempt: run.attempt,
        exit_code: run.exit_code,
        delivery_id: run.delivery.to_string(),
        event: run.event,
        repository: run.repository.unwrap_or_default(),
        sender: run.sender.unwrap_or_default(),
        number: run.number.unwrap_or_default(),
        pool: run.pool,
        slot: run.slot.unwrap_or_default(),
        requested_at: Some(time(run.requested_at)),
        started_at: run.started_at.map(time),
        finished_at: run.finished_at.map(time),
        revision: run.revision,
        cancel_requested: run.cancel_requested,
        trace_id: run.trace_id.unwrap_or_default(),
    }
}

const fn status(status: Status) -> v1::RunStatus {
    match status {
        Status::Pending => v1::RunStatus::Pending,
        Status::Dispatched => v1::RunStatus::Dispatched,
        Status::Running => v1::RunStatus::Running,
        Status::Succeeded => v1::RunStatus::Succeeded,
        Status::Failed => v1::RunStatus::Failed,
        Status::Canceled => v1::RunStatus::Canceled,
    }
}

pub(super) fn statuses(requested: &[i32]) -> Result<Vec<Status>, ApiError> {
    if requested.len() > MAX_STATUSES {
        return Err(ApiError::field(
            "statuses",
            format!("at most {MAX_STATUSES} statuses"),
        ));
    }
    let read = |number: &i32| match v1::RunStatus::try_from(*number).ok()? {
        v1::RunStatus::Unspecified => None,
        v1::RunStatus::Pending => Some(Status::Pending),
        v1::RunStatus::Dispatched => Some(Status::Dispatched),
        v1::RunStatus::Running => Some(Status::Running),
        v1::RunStatus::Succeeded => Some(Status::Succeeded),
        v1::RunStatus::Failed => Some(Status::Failed),
        v1::RunStatus::Canceled => Some(Status::Canceled),
    };
    let known: Option<Vec<_>> = requested.iter().map(read).collect();
    known.ok_or_else(|| ApiError::field("statuses", "statuses holds an unknown status"))
}

pub(super) fn story(story: RunStory) -> v1::GetRunResponse {
    v1::GetRunResponse {
        run: Some(run(story.run)),
        timeline: story.timeline.into_iter().map(timeline).collect(),
        revision: story.revision,
    }
}

fn timeline(entry: TimelineEntry) -> v1::TimelineEntry {
    v1::TimelineEntry {
        revision: entry.revision,
        index: entry.index,
        at: Some(time(entry.at)),
        r#type: entry.kind,
        summary: entry.summary,
        data_json: entry.data.to_string(),
        actor: entry.actor,
    }
}

pub(super) fn delivery(delivery: Delivery) -> v1::Delivery {
    v1::Delivery {
        id: delivery.key.id.to_string(),
        provider: delivery.key.provider.to_string(),
        event: delivery.event,
        action: delivery.action.unwrap_or_default(),
        repository: delivery.repository.unwrap_or_default(),
        sender: delivery.sender.unwrap_or_default(),
        project: delivery.project.unwrap_or_default(),
        outcome: outcome(delivery.outcome).into(),
        reason: delivery.reason,
        explanation: delivery.explanation.to_owned(),
        received_at: delivery.received_at.map(time),
        decided_at: Some(time(delivery.decided_at)),
        revision: delivery.revision,
        triggers: delivery.triggers.into_iter().map(verdict).collect(),
        stream_sequence: delivery.stream_sequence,
    }
}

fn verdict(verdict: TriggerVerdict) -> v1::TriggerVerdict {
    let matched = matches!(
        verdict.reason,
        VerdictReason::Started | VerdictReason::AlreadyStarted
    );
    v1::TriggerVerdict {
        trigger: verdict.trigger.to_string(),
        matched,
        reason: word(&verdict.reason),
        explanation: explain::verdict(verdict.reason).to_owned(),
        run_id: verdict.run.map(|run| run.to_string()).unwrap_or_default(),
    }
}

/// An enum's name in JSON.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

const fn outcome(outcome: Outcome) -> v1::DeliveryOutcome {
    match outcome {
        Outcome::Accepted => v1::DeliveryOutcome::Accepted,
        Outcome::Ignored => v1::DeliveryOutcome::Ignored,
        Outcome::Parked => v1::DeliveryOutcome::Parked,
    }
}

pub(super) fn outcome_filter(requested: i32) -> Result<Option<Outcome>, ApiError> {
    match v1::DeliveryOutcome::try_from(requested) {
        Ok(v1::DeliveryOutcome::Unspecified) => Ok(None),
        Ok(v1::DeliveryOutcome::Accepted) => Ok(Some(Outcome::Accepted)),
        Ok(v1::DeliveryOutcome::Ignored) => Ok(Some(Outcome::Ignored)),
        Ok(v1::DeliveryOutcome::Parked) => Ok(Some(Outcome::Parked)),
        Err(_) => Err(ApiError::field("outcome", "outcome is unknown")),
    }
}

pub(super) fn pool(pool: SlotPool) -> v1::SlotPool {
    v1::SlotPool {
        project: pool.project,
        name: pool.name,
        size: pool.size,
        slots: pool.slots.into_iter().map(slot).collect(),
        queued: pool.queued,
    }
}

fn slot(slot: Slot) -> v1::Slot {
    let state = match slot.state {
        SlotState::Free => v1::SlotState::Free,
        SlotState::Leased => v1::SlotState::Leased,
        SlotState::Releasing => v1::SlotState::Releasing,
    };
    v1::Slot {
        number: slot.number,
        state: state.into(),
        run_id: slot.run.map(|run| run.to_string()).unwrap_or_default(),
        token: slot.token,
        leased_at: slot.leased_at.map(time),
    }
}

pub(super) fn chunk(chunk: &LogChunk) -> v1::StreamLogsResponse {
    let stream = match chunk.output {
        Output::Stdout => v1::LogStream::Stdout,
        Output::Stderr => v1::LogStream::Stderr,
        Output::System => v1::LogStream::System,
    };
    v1::StreamLogsResponse {
        stream: stream.into(),
        offset: chunk.offset(),
        at: Some(time(chunk.at)),
        data: chunk.bytes.to_vec(),
        attempt: chunk.attempt,
    }
}

pub(super) fn projection(projection: ProjectionStatus) -> v1::ProjectionStatus {
    v1::ProjectionStatus {
        name: projection.name,
        version: projection.version,
        revision: projection.revision,
        stopped: projection.stopped.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_milliseconds_also_before_1970() {
        let at = |millis| {
            let time = time(Timestamp::from_millis(millis));
            (time.seconds, time.nanos)
        };
        assert_eq!(at(1_500), (1, 500_000_000));
        assert_eq!(at(-1), (-1, 999_000_000));
    }

    #[test]
    fn unknown_numbers_are_refused() {
        assert!(statuses(&[0]).is_err());
        assert!(statuses(&[7]).is_err());
        assert!(statuses(&[1; 17]).is_err());
        assert_eq!(
            statuses(&[4, 5]).unwrap(),
            [Status::Succeeded, Status::Failed]
        );
        assert!(outcome_filter(-1).is_err());
        assert_eq!(outcome_filter(0).unwrap(), None);
    }
}
