//! The output of an execution, as far as it is stored and as it comes.

use std::{sync::Arc, time::Duration};

use maestro_contracts::v1::ExecutorServiceStreamLogsResponse;
use maestro_domain::report::Execution;
use maestro_eventlog::{LogMessage, LogReader};
use tokio::sync::mpsc;
use tonic::Status;

use super::convert;
use crate::{backend::Backend, executor::Executor};

/// How often to look whether the execution is still here while it is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) type Sink = mpsc::Sender<Result<ExecutorServiceStreamLogsResponse, Status>>;

/// Sends everything up to the end; ends early when the caller is gone or the executor stops.
pub(super) async fn follow<B: Backend>(executor: Arc<Executor<B>>, of: Execution, sink: Sink) {
    let reader = executor.log.logs(of.run, of.attempt);
    let sending = send(&executor, of, reader, &sink);
    tokio::select! {
        sent = sending => {
            if let Err(status) = sent {
                let _ = sink.send(Err(status)).await;
            }
        }
        () = sink.closed() => {}
        () = executor.stop.cancelled() => {
            let _ = sink.try_send(Err(Status::unavailable("the executor is stopping")));
        }
    }
}

async fn send<B: Backend>(
    executor: &Executor<B>,
    of: Execution,
    mut reader: LogReader,
    sink: &Sink,
) -> Result<(), Status> {
    loop {
        let here = executor.registry.phase(of).is_some();
        let message = match tokio::time::timeout(LOOK_EVERY, reader.next()).await {
            Ok(message) => message,
            // Nothing of it is written any more, and all that was is read.
            Err(_) if !here => return Ok(()),
            Err(_) => continue,
        };
        match message {
            Ok(LogMessage::Chunk(chunk)) => {
                // Whoever is gone is noticed by the caller of this function.
                let _ = sink.send(Ok(convert::chunk(&chunk))).await;
            }
            Ok(LogMessage::End) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the output of a run cannot be read");
                return Err(Status::unavailable("the output cannot be read now"));
            }
        }
    }
}
