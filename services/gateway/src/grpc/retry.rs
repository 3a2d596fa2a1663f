//! A run that has ended, repeated as a new run.

use maestro_contracts::v1::{ReadOptions, RetryRunResponse};
use maestro_domain::{Command, RunId, command::Rejection, ids::CommandKey};
use maestro_readmodel::projections::RUNS;
use uuid::Uuid;

use super::{App, commands, queries, runs};
use crate::{
    auth::Identity,
    error::{ApiError, ErrorCode},
};

/// What is asked.
pub(super) struct Asked {
    pub(super) original: RunId,
    pub(super) reason: Option<String>,
    pub(super) key: CommandKey,
}

/// The run that repeats `original` under this key: always the same one.
fn repetition(original: RunId, key: &CommandKey) -> RunId {
    RunId::new(Uuid::new_v5(&original.uuid(), key.as_str().as_bytes()))
}

pub(super) async fn run(
    app: &App,
    identity: &Identity,
    asked: Asked,
) -> Result<RetryRunResponse, ApiError> {
    let Asked {
        original,
        reason,
        key,
    } = asked;
    let request = app.readmodel.run_request(original).await;
    let request = request
        .map_err(queries::failed)?
        .ok_or_else(|| runs::unknown(original))?;
    let pool = request.pool.clone();
    let run = repetition(original, &key);
    let command = Command::RetryRun {
        request: Box::new(request),
        run,
    };
    let outcome = commands::decide(app, identity, key.clone(), reason, command).await?;
    match outcome.rejection {
        // It exists since this key was used before, longer ago than outcomes are remembered.
        None | Some(Rejection::RunExists) => {}
        Some(Rejection::PoolUnknown) => {
            let message = format!("its project has no pool {pool} any more");
            return Err(ApiError::new(ErrorCode::FailedPrecondition, message).with_command(key));
        }
        Some(rejection) => return Err(commands::refused(rejection).with_command(key)),
    }
    requested(app, run, outcome.revision, &key).await?;
    Ok(RetryRunResponse {
        revision: outcome.revision,
        command_id: key.to_string(),
        run_id: run.to_string(),
    })
}

/// Refuses a key under which something else was asked before: its outcome is that of the other
/// command. A read model that is behind cannot say.
async fn requested(app: &App, run: RunId, revision: u64, key: &CommandKey) -> Result<(), ApiError> {
    let read = ReadOptions {
        min_revision: revision,
    };
    if queries::fresh(&app.readmodel, RUNS, Some(read))
        .await
        .is_err()
    {
        return Ok(());
    }
    match app.readmodel.get_runs([run]).await.as_deref() {
        Ok([]) => {
            let message = "this key was used for another command; use a fresh one";
            Err(ApiError::field("idempotency_key", message).with_command(key.clone()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_named_by_its_original_and_key() {
        let run = |n| RunId::new(Uuid::from_u128(n));
        let key = |text: &str| text.parse::<CommandKey>().unwrap();
        let one = repetition(run(1), &key("a"));
        assert_eq!(repetition(run(1), &key("a")), one);
        assert_ne!(repetition(run(1), &key("b")), one);
        assert_ne!(repetition(run(2), &key("a")), one);
    }
}
