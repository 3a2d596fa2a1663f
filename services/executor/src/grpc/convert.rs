//! Between the contract and the domain.

use maestro_contracts::v1;
use maestro_domain::{
    Sealed, Timestamp, VaultKey,
    report::Execution,
    run::{Start, attempt_token},
};
use maestro_eventlog::{LogChunk, Output};
use tonic::Status;

use crate::{backend::Observation, registry::Phase};

/// A field that cannot be used.
fn wrong(field: &str) -> Status {
    Status::invalid_argument(format!("{field} is missing or malformed"))
}

fn parse<T: std::str::FromStr>(field: &str, value: &str) -> Result<T, Status> {
    value.parse().map_err(|_| wrong(field))
}

pub(super) fn execution(asked: Option<v1::Execution>) -> Result<Execution, Status> {
    let asked = asked.ok_or_else(|| wrong("execution"))?;
    Ok(Execution {
        run: parse("execution.run_id", &asked.run_id)?,
        attempt: asked.attempt,
        token: asked.token,
    })
}

pub(super) fn start(asked: v1::ExecutorServiceSubmitRequest) -> Result<Start, Status> {
    let execution = execution(asked.execution)?;
    // Nothing else of the vault can be asked for.
    if !asked.spec_key.ends_with(&format!("run.{}", execution.run)) {
        return Err(wrong("spec_key"));
    }
    let key: VaultKey =
        serde_json::from_value(asked.spec_key.into()).map_err(|_| wrong("spec_key"))?;
    Ok(Start {
        execution,
        spec: Sealed {
            key,
            digest: parse("spec_digest", &asked.spec_digest)?,
        },
        project: parse("project_id", &asked.project_id)?,
        slug: parse("project", &asked.project)?,
        pool: parse("pool", &asked.pool)?,
        trigger: parse("trigger", &asked.trigger)?,
        delivery: parse("delivery_id", &asked.delivery_id)?,
        event: asked.event,
        traceparent: Some(asked.traceparent).filter(|text| !text.is_empty()),
    })
}

pub(super) fn state(
    execution: Execution,
    phase: &Phase,
    seen: Option<&Observation>,
) -> v1::ExecutionState {
    let (pool, cancel_requested) = match phase {
        Phase::Live(live) => (live.pool.to_string(), live.canceled),
        Phase::Starting(canceled) => (String::new(), canceled.is_cancelled()),
        Phase::Settled => (String::new(), false),
    };
    let ended_at = match seen {
        Some(Observation::Ended { at, .. }) => Some(time(*at)),
        _ => None,
    };
    v1::ExecutionState {
        execution: Some(v1::Execution {
            run_id: execution.run.to_string(),
            attempt: execution.attempt,
            token: execution.token,
        }),
        phase: phase_of(phase, seen).into(),
        pool,
        started_at: seen.and_then(Observation::started_at).map(time),
        ended_at,
        cancel_requested,
    }
}

fn phase_of(phase: &Phase, seen: Option<&Observation>) -> v1::ExecutionPhase {
    match (phase, seen) {
        (Phase::Starting(_), _) => v1::ExecutionPhase::Starting,
        (Phase::Settled, _) => v1::ExecutionPhase::Settled,
        (Phase::Live(_), Some(Observation::Running { .. })) => v1::ExecutionPhase::Running,
        (Phase::Live(_), Some(Observation::Ended { .. })) => v1::ExecutionPhase::Ended,
        (Phase::Live(_), _) => v1::ExecutionPhase::Created,
    }
}

pub(super) fn chunk(chunk: &LogChunk) -> v1::ExecutorServiceStreamLogsResponse {
    let stream = match chunk.output {
        Output::Stdout => v1::LogStream::Stdout,
        Output::Stderr => v1::LogStream::Stderr,
        Output::System => v1::LogStream::System,
    };
    v1::ExecutorServiceStreamLogsResponse {
        chunk: Some(v1::StreamLogsResponse {
            stream: stream.into(),
            offset: chunk.offset(),
            at: Some(time(chunk.at)),
            data: chunk.bytes.to_vec(),
            attempt: chunk.attempt,
        }),
    }
}

/// Order of a list.
pub(super) fn rank(execution: &Execution) -> String {
    attempt_token(execution.run, execution.attempt)
}

fn time(at: Timestamp) -> pbjson_types::Timestamp {
    let millis = at.millis();
    pbjson_types::Timestamp {
        seconds: millis.div_euclid(1_000),
        nanos: i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or_default(),
    }
}
