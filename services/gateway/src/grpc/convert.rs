//! Between the read models and the contract.

mod slots;

use maestro_contracts::v1;
use maestro_domain::{
    Timestamp,
    event::{TriggerVerdict, VerdictReason},
    explain,
    report::Place,
    run::{Fault, Reason, Status},
};
use maestro_eventlog::{LogChunk, Output};
use maestro_readmodel::{
    Attempt, Delivery, Outcome, ProjectionStatus, Run, RunStory, TimelineEntry,
};
use pbjson_types::Timestamp as ProtoTimestamp;

pub(super) use self::slots::{executor, pool};
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

const fn fault(fault: Option<Fault>) -> &'static str {
    match fault {
        Some(Fault::User) => "user",
        Some(Fault::Infrastructure) => "infrastructure",
        None => "",
    }
}

/// Not set where nothing is known.
fn place(place: Place) -> Option<v1::Place> {
    if place.is_nowhere() {
        return None;
    }
    Some(v1::Place {
        namespace: place.namespace.unwrap_or_default(),
        job: place.job.unwrap_or_default(),
        pod: place.pod.unwrap_or_default(),
        node: place.node.unwrap_or_default(),
    })
}

/// An id, or nothing.
fn id(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

pub(super) fn run(run: Run) -> v1::Run {
    let fault = fault(run.fault());
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
        place: place(run.place),
        detail: run.detail.unwrap_or_default(),
        retry_of: id(run.retry_of),
        executor_id: id(run.executor),
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
        attempts: story.attempts.into_iter().map(attempt).collect(),
        retry_ids: story.retries.iter().map(ToString::to_string).collect(),
    }
}

fn attempt(attempt: Attempt) -> v1::Attempt {
    let fault = fault(attempt.fault());
    v1::Attempt {
        number: attempt.number,
        status: status(attempt.status).into(),
        reason: attempt.reason.map_or("", Reason::as_str).to_owned(),
        fault: fault.to_owned(),
        exit_code: attempt.exit_code,
        signal: attempt.signal,
        executor_id: id(attempt.executor),
        place: place(attempt.place),
        dispatched_at: Some(time(attempt.dispatched_at)),
        started_at: attempt.started_at.map(time),
        finished_at: attempt.finished_at.map(time),
        retry_at: attempt.retry_at.map(time),
        detail: attempt.detail.unwrap_or_default(),
        log_bytes: attempt.log_bytes,
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
