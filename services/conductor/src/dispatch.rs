//! What leaves once a commit is acknowledged: run commands, in order, until they are stored.

use std::time::Duration;

use futures::StreamExt as _;
use maestro_domain::run::RunCommand;
use maestro_eventlog::EventLog;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Run commands on their way to the broker at once.
const IN_FLIGHT: usize = 64;
const RETRY: Duration = Duration::from_millis(250);

/// Sends every command of the channel; a later command is issued after an earlier one.
pub(crate) async fn run(log: EventLog, commands: mpsc::UnboundedReceiver<Dispatch>) {
    let log = &log;
    UnboundedReceiverStream::new(commands)
        .map(|dispatch| async move { send(log, &dispatch).await })
        .buffered(IN_FLIGHT)
        .for_each(|()| async {})
        .await;
}

/// A run command and the trace it belongs to.
pub(crate) struct Dispatch {
    pub(crate) command: RunCommand,
    pub(crate) traceparent: Option<String>,
}

impl Dispatch {
    /// A start continues the trace of its run's request.
    pub(crate) fn new(command: RunCommand) -> Self {
        let RunCommand::Start(start) = &command;
        let traceparent = start.traceparent.clone();
        Self {
            command,
            traceparent,
        }
    }
}

async fn send(log: &EventLog, dispatch: &Dispatch) {
    let traceparent = dispatch.traceparent.as_deref();
    while let Err(error) = log.send_run_command(&dispatch.command, traceparent).await {
        let run = dispatch.command.execution().run;
        tracing::warn!(run.id = %run, %error, "run command not stored; again");
        tokio::time::sleep(RETRY).await;
    }
}
