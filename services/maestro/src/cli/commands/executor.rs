//! `maestro executor`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use maestro_contracts::v1::{
    ExecutionPhase, ExecutorServiceDrainRequest, ExecutorServiceListRequest,
    ExecutorServiceListResponse, executor_service_client::ExecutorServiceClient,
};
use maestro_gateway::OperatorToken;

use crate::cli::{
    failure::{self, Failure, Kind},
    output::{Output, Paint, text_of},
    session::{Authorized, Session, authorized},
    times,
};

/// Name of the file with an executor's token in its data folder.
const TOKEN_FILE: &str = "executor.token";
/// How often to look whether a draining executor is done.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Commands on one executor.
#[derive(Debug, Subcommand)]
pub(crate) enum Executor {
    /// List what an executor has in hand
    #[command(after_help = "\
Examples:
  maestro executor list --endpoint http://node-1:8090
  maestro executor list --endpoint http://node-1:8090 --token-file /etc/maestro/executor.token")]
    List(At),
    /// Make an executor take nothing new; what it has goes on
    #[command(after_help = "\
Examples:
  maestro executor drain --endpoint http://node-1:8090
  maestro executor drain --endpoint http://node-1:8090 --wait --stop   before its machine goes down")]
    Drain(Drain),
}

/// Where an executor is and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct At {
    /// Address of the executor (`serve executor --listen`)
    #[arg(
        long,
        value_name = "URL",
        env = "MAESTRO_EXECUTOR_URL",
        default_value = "http://127.0.0.1:8090"
    )]
    endpoint: String,
    /// File with the executor's token; the one in the data folder when left out
    #[arg(long, value_name = "FILE", env = "MAESTRO_EXECUTOR_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

/// Options of `maestro executor drain`.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    at: At,
    /// Wait until nothing is left
    #[arg(long)]
    wait: bool,
    /// Have the executor stop once nothing is left
    #[arg(long)]
    stop: bool,
}

impl Executor {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(at) => {
                let mut client = at.client(session)?;
                let list = client.list(ExecutorServiceListRequest {});
                let list = list.await?.into_inner();
                session.output.print(&list, |output| render(output, &list))
            }
            Self::Drain(drain) => drain.run(session).await,
        }
    }
}

impl At {
    fn client(&self, session: &Session) -> Result<ExecutorServiceClient<Authorized>, Failure> {
        let file = self.token_file.clone();
        let file = file.unwrap_or_else(|| session.dir.join(TOKEN_FILE));
        let token = OperatorToken::load(&file)
            .map_err(|error| Failure::new(Kind::Refused, failure::chain(&error)))?;
        Ok(ExecutorServiceClient::new(authorized(
            self.endpoint.clone(),
            &token,
        )?))
    }
}

impl Drain {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = self.at.client(session)?;
        let request = ExecutorServiceDrainRequest {
            then_stop: self.stop,
        };
        let mut answer = client.drain(request).await?.into_inner();
        while self.wait && answer.remaining > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
            match client.drain(request).await {
                Ok(again) => answer = again.into_inner(),
                // It stops as soon as nothing is left.
                Err(_) if self.stop => answer.remaining = 0,
                Err(status) => return Err(status.into()),
            }
        }
        session.output.print(&answer, |_| match answer.remaining {
            0 => "Draining: nothing is left.".to_owned(),
            left => format!("Draining: nothing new is taken, {left} go on."),
        })
    }
}

fn render(output: Output, list: &ExecutorServiceListResponse) -> String {
    let now = maestro_runtime::clock::now();
    let state = match (list.draining, list.confirmed) {
        (true, _) => "draining",
        (false, true) => "takes work",
        (false, false) => "waits for the conductor",
    };
    let mut table = output.table(&["RUN", "ATTEMPT", "POOL", "PHASE", "STARTED"]);
    for each in &list.executions {
        let phase = match each.phase() {
            _ if each.cancel_requested => Paint::Busy.cell("canceling"),
            ExecutionPhase::Running => Paint::Busy.cell("running"),
            ExecutionPhase::Ended | ExecutionPhase::Settled => Paint::Faint.cell("ended"),
            ExecutionPhase::Created => Paint::Faint.cell("created"),
            ExecutionPhase::Starting | ExecutionPhase::Unspecified => Paint::Faint.cell("starting"),
        };
        let of = each.execution.clone().unwrap_or_default();
        table.add_row(vec![
            of.run_id.into(),
            of.attempt.into(),
            each.pool.as_str().into(),
            phase,
            times::ago(each.started_at, now).into(),
        ]);
    }
    let head = format!("{} {state}", list.executor_id);
    if list.executions.is_empty() {
        return format!("{head}, and has nothing in hand.");
    }
    format!("{head}\n{}", text_of(&table))
}
