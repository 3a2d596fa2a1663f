//! `maestro runs retry`.

use clap::Args;
use maestro_contracts::v1::{
    GetRunRequest, ReadOptions, RetryRunRequest, RetryRunResponse, Run, RunStatus,
    StreamLogsRequest, WatchRunsRequest,
};

use super::{logs, status_of};
use crate::cli::{
    failure::{Failure, Kind},
    options::{Connection, Request},
    session::{Client, Session},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro runs retry RUN --reason \"the registry was down\"
  maestro runs retry RUN --follow       print what the new run prints, then how it ended
  maestro runs retry RUN --key again-1  repeat with the same key: same new run

With --wait and --follow the exit code is 0 only if the new run succeeds.";

/// Options of `maestro runs retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Id of the run to repeat
    #[arg(value_name = "RUN")]
    id: String,
    /// Wait until the new run has ended
    #[arg(long)]
    wait: bool,
    /// Print what the new run prints until it has ended
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    connection: Connection,
}

impl Retry {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = session.client(&self.connection)?;
        let request = RetryRunRequest {
            id: self.id.clone(),
            reason: self.request.reason.clone(),
            idempotency_key: self.request.key.clone(),
        };
        let answer = client.runs().retry_run(request).await?.into_inner();
        let said = format!(
            "{} repeats {} (command {}, revision {})",
            answer.run_id, self.id, answer.command_id, answer.revision
        );
        if !self.wait && !self.follow {
            return session.output.print(&answer, |_| said);
        }
        session.output.print_next(&answer, |_| said)?;
        let run = self.to_the_end(session, &client, answer).await?;
        let (status, _) = status_of(&run);
        session
            .output
            .print_next(&run, |_| format!("{} {status}", run.id))?;
        match (run.status(), run.reason.as_str()) {
            (RunStatus::Succeeded, _) => Ok(()),
            (_, "") => Err(failed(format!("{} {status}", run.id))),
            (_, reason) => Err(failed(format!("{} {status}: {reason}", run.id))),
        }
    }

    /// Follows the new run, attempt by attempt.
    async fn to_the_end(
        &self,
        session: &Session,
        client: &Client,
        new: RetryRunResponse,
    ) -> Result<Run, Failure> {
        let request = GetRunRequest {
            id: new.run_id,
            read: Some(ReadOptions {
                min_revision: new.revision,
            }),
        };
        let found = client.runs().get_run(request).await?.into_inner();
        let mut run = found.run.unwrap_or_default();
        while !has_ended(&run) {
            if self.follow {
                print_logs(session, client, &run).await?;
            }
            run = next(client, &run).await?;
        }
        Ok(run)
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Kind::Failed, message)
}

fn has_ended(run: &Run) -> bool {
    matches!(
        run.status(),
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Canceled
    )
}

/// Copies the output of the run's current attempt until that has ended.
async fn print_logs(session: &Session, client: &Client, run: &Run) -> Result<(), Failure> {
    let request = StreamLogsRequest {
        run_id: run.id.clone(),
        attempt: run.attempt,
        no_follow: false,
    };
    let mut chunks = client.runs().stream_logs(request).await?.into_inner();
    while let Some(chunk) = chunks.message().await? {
        if session.output.is_table() {
            logs::copy(&chunk)?;
        } else {
            session.output.print_next(&chunk, |_| String::new())?;
        }
    }
    Ok(())
}

/// The run once it has ended or has another attempt.
async fn next(client: &Client, known: &Run) -> Result<Run, Failure> {
    let request = WatchRunsRequest {
        project: String::new(),
        id: known.id.clone(),
    };
    let mut changes = client.runs().watch_runs(request).await?.into_inner();
    while let Some(change) = changes.message().await? {
        let run = change.run.unwrap_or_default();
        if has_ended(&run) || run.attempt > known.attempt {
            return Ok(run);
        }
    }
    Err(Failure::unavailable(format!(
        "the gateway stopped telling about {}; see `maestro runs show`",
        known.id
    )))
}
