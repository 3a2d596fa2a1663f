//! Commands: stored first, answered with the revision of their decision.

use std::time::Duration;

use maestro_domain::{
    Command,
    command::{Actor, CommandMessage, Outcome, Rejection},
    ids::CommandKey,
};
use maestro_eventlog::RequestError;

use super::App;
use crate::{
    auth::Identity,
    error::{ApiError, ErrorCode},
};

/// How long a caller waits for the decision.
const DECIDED_WITHIN: Duration = Duration::from_secs(5);

/// A command that was carried out.
pub(super) struct Done {
    pub(super) key: CommandKey,
    pub(super) revision: u64,
}

/// Hands a command to the conductor. Repeating it with the same key is safe.
pub(super) async fn submit(
    app: &App,
    identity: &Identity,
    key: CommandKey,
    reason: Option<String>,
    command: Command,
) -> Result<Done, ApiError> {
    let outcome = decide(app, identity, key.clone(), reason, command).await?;
    match outcome.rejection {
        None => Ok(Done {
            key,
            revision: outcome.revision,
        }),
        Some(rejection) => Err(refused(rejection).with_command(key)),
    }
}

/// Hands a command to the conductor and tells what became of it, also when it was rejected.
pub(super) async fn decide(
    app: &App,
    identity: &Identity,
    key: CommandKey,
    reason: Option<String>,
    command: Command,
) -> Result<Outcome, ApiError> {
    let actor = Actor::Human(identity.user);
    let message = CommandMessage {
        key: key.clone(),
        actor,
        reason,
        command,
    };
    let traceparent = maestro_runtime::trace::current_traceparent();
    let answer = app
        .log
        .submit(&message, traceparent.as_deref(), DECIDED_WITHIN)
        .await;
    answer.map_err(|error| undecided(&error, key))
}

/// What a caller is told about a rejected command.
pub(super) fn refused(rejection: Rejection) -> ApiError {
    let code = match rejection {
        Rejection::ProjectUnknown | Rejection::RunUnknown | Rejection::PoolUnknown => {
            ErrorCode::NotFound
        }
        Rejection::RunEnded
        | Rejection::RunLive
        | Rejection::RunExists
        | Rejection::PoolPaused
        | Rejection::PoolNotPaused
        | Rejection::CancelPending
        | Rejection::ProjectExists
        | Rejection::SlugTaken
        | Rejection::RepositoryTaken => ErrorCode::FailedPrecondition,
        Rejection::PoolTooLarge => return ApiError::field("size", rejection.to_string()),
    };
    ApiError::new(code, rejection.to_string())
}

fn undecided(error: &RequestError, key: CommandKey) -> ApiError {
    let message = match error {
        RequestError::Unavailable => format!(
            "the broker is away, so command {key} may not be stored; repeat it with this \
             idempotency key"
        ),
        RequestError::TimedOut => format!(
            "command {key} is stored but no conductor has decided it yet; repeat it with this \
             idempotency key to learn the outcome"
        ),
        RequestError::Failed(_) => return ApiError::internal(error).with_command(key),
    };
    ApiError::new(ErrorCode::Unavailable, message).with_command(key)
}
