//! Sentences for people: why a delivery was decided as it was, and what an event means.
//!
//! Made when something is shown, never stored, so better words need no rebuild.

use crate::{
    event::{
        DecisionReason, Event, InputProblem, RunFinished, RunRequested, RunResult, VerdictReason,
    },
    report::Place,
    run::Reason,
};

/// Why a delivery was decided as it was.
#[must_use]
pub const fn decision(reason: DecisionReason) -> &'static str {
    match reason {
        DecisionReason::Started => "At least one trigger matched and its run was requested.",
        DecisionReason::AlreadyStarted => {
            "Triggers matched, but this action had already started their runs."
        }
        DecisionReason::NoTriggerMatched => "No trigger of the project's stack matched.",
        DecisionReason::NoTriggers => "The project's stack has no triggers.",
        DecisionReason::NoStack => "The project has no readable stack.",
        DecisionReason::NoProject => "The repository belongs to no project.",
        DecisionReason::Ping => "The host tested the webhook; nothing is to be done.",
    }
}

/// Why a trigger matched or not.
#[must_use]
pub const fn verdict(reason: VerdictReason) -> &'static str {
    match reason {
        VerdictReason::Started => "It matched and its run was requested.",
        VerdictReason::EventDiffers => "It listens to another event.",
        VerdictReason::ActionDiffers => "The action is not among its actions.",
        VerdictReason::LabelMissing => "None of its labels is present.",
        VerdictReason::BranchDiffers => "The branch is not among its branches.",
        VerdictReason::PathsUntouched => "No changed file is among its paths.",
        VerdictReason::ConditionFalse => "Its condition is false.",
        VerdictReason::ConditionFailed => "Its condition could not be evaluated.",
        VerdictReason::TemplateFailed => {
            "A template names a value that this event does not have, or its text grows too long."
        }
        VerdictReason::PoolMissing => "The project has no pool of the name it asks for.",
        VerdictReason::AlreadyStarted => "The same action had already started this run.",
    }
}

/// Why an input was set aside.
#[must_use]
pub const fn problem(problem: InputProblem) -> &'static str {
    match problem {
        InputProblem::Undecodable => "It could not be decoded and waits for an operator.",
        InputProblem::CorePanicked => "Deciding it failed; it waits for an operator.",
    }
}

/// Why a run or an attempt did not succeed, as the middle of a sentence.
#[must_use]
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::ExitCode => "the process ended with an error",
        Reason::Signaled => "a signal ended the process",
        Reason::OomKilled => "it ran out of memory",
        Reason::DeadlineExceeded => "it ran into its timeout",
        Reason::Evicted => "it was evicted",
        Reason::Preempted => "something more important took its place",
        Reason::NodeLost => "its node went away",
        Reason::ImagePull => "its image could not be pulled",
        Reason::Unschedulable => "no node took it in time",
        Reason::LaunchRejected => "it could not be started",
        Reason::JobMissing => "it was gone without a result",
        Reason::ExecutorLost => "its executor went silent",
        Reason::Canceled => "it was canceled",
        Reason::Superseded => "a newer run replaced it",
    }
}

/// What an event means, in one sentence.
#[must_use]
pub fn summary(event: &Event) -> String {
    match event {
        Event::ConductorTookOver { epoch, .. } => format!("A conductor took over, epoch {epoch}"),
        Event::ProjectCreated { slug, .. } => format!("Project {slug} was created"),
        Event::StackChanged { .. } => "The project's stack was changed".to_owned(),
        Event::PoolResized { pool, size, .. } => format!("Pool {pool} has {size} slots"),
        Event::PoolPaused { pool, .. } => format!("Pool {pool} was paused"),
        Event::PoolResumed { pool, .. } => format!("Pool {pool} was resumed"),
        Event::ExecutorJoined { executor, pool, .. } => {
            format!("Executor {executor} serves pool {pool}")
        }
        Event::ExecutorDraining { executor } => format!("Executor {executor} takes nothing new"),
        Event::ExecutorSilent { executor } => {
            format!("Nothing was heard of executor {executor} for a lease term")
        }
        Event::ExecutorReturned { executor } => format!("Executor {executor} was heard again"),
        Event::ExecutorLeft { executor } => format!("Executor {executor} stopped"),
        Event::RepositoryAttached { repository, .. } => {
            format!(
                "Repository {}/{} was attached",
                repository.provider, repository.id
            )
        }
        Event::DeliveryDecided(decided) => decision(decided.reason).to_owned(),
        Event::RunRequested(requested) => request(requested),
        Event::SlotLeased { pool, slot, .. } => format!("Leased slot {slot} of pool {pool}"),
        Event::RunDispatched {
            attempt, claim_by, ..
        } => {
            format!("Attempt {attempt} was dispatched; to be claimed by {claim_by}")
        }
        Event::RunClaimed {
            attempt, executor, ..
        } => {
            format!("Attempt {attempt} was claimed by {executor}")
        }
        Event::RunStarted { attempt, place, .. } => start(*attempt, place),
        Event::RunAttemptLost {
            attempt,
            reason: why,
            retry_at,
            ..
        } => {
            format!(
                "Attempt {attempt} was lost: {} ({}); retry at {retry_at}",
                reason(*why),
                why.as_str()
            )
        }
        Event::RunRequeued { attempt, .. } => format!("Attempt {attempt} waits for a slot"),
        Event::RunDeferred { attempt, .. } => {
            format!("Attempt {attempt} goes on with the next decision")
        }
        Event::RunCancelRequested { reason: why, .. } => match why {
            Reason::Superseded => "A newer run of its group asked it to end".to_owned(),
            _ => "It was asked to end".to_owned(),
        },
        Event::RunFinished(finished) => finish(finished),
        Event::SlotReleasing { pool, slot, .. } => {
            format!("Slot {slot} of pool {pool} waits for the end of the execution")
        }
        Event::SlotLeaseMoved {
            pool,
            slot,
            executor,
            ..
        } => {
            format!("The lease of slot {slot} of pool {pool} moved to {executor}")
        }
        Event::SlotLeaseAdopted { .. } => "The new holder looks after the execution".to_owned(),
        Event::SlotReleased { pool, slot, .. } => {
            format!("Slot {slot} of pool {pool} is free again")
        }
        Event::CommandRejected { code } => format!("A command was refused: {code}"),
        Event::InputLost { stream, from, to } => {
            format!("Messages {from} to {to} of {stream} were gone before they were read")
        }
        Event::InputParked {
            stream,
            seq,
            problem: why,
            ..
        } => {
            format!("Message {seq} of {stream} was parked. {}", problem(*why))
        }
    }
}

fn request(requested: &RunRequested) -> String {
    let pool = &requested.pool;
    match requested.retry_of {
        Some(original) => format!("Requested for pool {pool} as a repetition of {original}"),
        None => format!(
            "Trigger {} requested the run for pool {pool}",
            requested.trigger
        ),
    }
}

fn start(attempt: u32, place: &Place) -> String {
    let mut text = format!("Attempt {attempt} started");
    for (word, value) in [(" in ", &place.pod), (" on ", &place.node)] {
        if let Some(value) = value {
            text.push_str(word);
            text.push_str(value);
        }
    }
    text
}

fn finish(finished: &RunFinished) -> String {
    let attempt = finished.attempt;
    let result = match finished.result {
        RunResult::Succeeded => return format!("Attempt {attempt} succeeded"),
        RunResult::Failed => "failed",
        RunResult::Canceled => "was canceled",
    };
    let detail = match (finished.exit_code, finished.signal, finished.reason) {
        (Some(code), _, Some(Reason::ExitCode)) => format!("exit code {code}"),
        (_, Some(signal), Some(Reason::Signaled)) => format!("signal {signal}"),
        (_, _, Some(Reason::Canceled)) if finished.result == RunResult::Canceled => {
            return format!("Attempt {attempt} was canceled");
        }
        (_, _, Some(why)) => reason(why).to_owned(),
        (_, _, None) => return format!("Attempt {attempt} {result}"),
    };
    format!("Attempt {attempt} {result}: {detail}")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ids::RunId, timestamp::Timestamp};

    fn finished(result: RunResult, reason: Option<Reason>, exit_code: Option<i32>) -> Event {
        Event::RunFinished(RunFinished {
            run: RunId::new(Uuid::from_u128(1)),
            attempt: 2,
            result,
            reason,
            exit_code,
            signal: None,
            finished_at: Timestamp::from_millis(0),
            log_bytes: 0,
            detail: None,
        })
    }

    #[test]
    fn a_lost_attempt_names_its_reason_and_its_retry() {
        let event = Event::RunAttemptLost {
            run: RunId::new(Uuid::from_u128(1)),
            attempt: 1,
            reason: Reason::ExecutorLost,
            retry_at: Timestamp::from_millis(0),
            detail: None,
        };
        assert_eq!(
            summary(&event),
            "Attempt 1 was lost: its executor went silent (executor_lost); \
             retry at 1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn a_start_says_where() {
        let place = |pod: Option<&str>, node: Option<&str>| Place {
            pod: pod.map(str::to_owned),
            node: node.map(str::to_owned),
            ..Place::default()
        };
        assert_eq!(start(1, &place(None, None)), "Attempt 1 started");
        assert_eq!(
            start(2, &place(Some("pod-a"), Some("node-b"))),
            "Attempt 2 started in pod-a on node-b"
        );
    }

    #[test]
    fn an_end_says_what_is_known_about_it() {
        let cases = [
            (
                finished(RunResult::Succeeded, None, Some(0)),
                "Attempt 2 succeeded",
            ),
            (
                finished(RunResult::Failed, Some(Reason::ExitCode), Some(3)),
                "Attempt 2 failed: exit code 3",
            ),
            (
                finished(RunResult::Failed, Some(Reason::DeadlineExceeded), None),
                "Attempt 2 failed: it ran into its timeout",
            ),
            (
                finished(RunResult::Canceled, Some(Reason::Canceled), None),
                "Attempt 2 was canceled",
            ),
            (
                finished(RunResult::Canceled, Some(Reason::Superseded), None),
                "Attempt 2 was canceled: a newer run replaced it",
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(summary(&event), expected);
        }
    }
}
