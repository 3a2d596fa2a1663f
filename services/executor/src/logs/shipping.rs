//! Storing a run's output in LOGS while it is written.

use futures::FutureExt as _;
use maestro_domain::{RunId, report::Execution};
use maestro_eventlog::{Error, LogChunk, Offsets, Shipped};
use maestro_runtime::clock;

use super::output::{Keeper, Kept};
use crate::{
    backend::{Attempt, Backend, Logs, Output},
    backoff::Backoff,
    executor::Executor,
};

/// What comes of waiting for output.
enum Next {
    Output(Output),
    End,
    Stop,
}

impl<B: Backend> Executor<B> {
    /// Ships an attempt's output until its end and marks that. Returns the bytes of output in
    /// LOGS; `None` when the executor stops before.
    pub(crate) async fn ship(&self, attempt: &Attempt) -> Option<u64> {
        let Execution {
            run,
            attempt: number,
            ..
        } = attempt.execution;
        let Shipped {
            stdout,
            stderr,
            system,
            ended,
        } = self.persist(|| self.log.shipped(run, number)).await?;
        let mut kept = Offsets {
            stdout,
            stderr,
            system,
        };
        if !ended {
            kept = self.ship_rest(attempt.execution, kept).await?;
            self.persist(|| self.log.end_logs(run, number, kept))
                .await?;
        }
        Some(kept.stdout + kept.stderr)
    }

    async fn ship_rest(&self, execution: Execution, kept: Offsets) -> Option<Offsets> {
        let opening = self.backend.logs(execution, kept.stdout);
        let (mut logs, secrets) = match self.stop.run_until_cancelled(opening).await? {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(run.id = %execution.run, %error, "the output cannot be read");
                return Some(kept);
            }
        };
        let mut keeper = Keeper::new(&secrets, kept, self.log_cap);
        // Other notes do not cut the output.
        let mut truncated = kept.system > 0 && kept.stdout + kept.stderr >= self.log_cap;
        loop {
            if truncated {
                logs.discard();
            }
            let pieces = match self.next(&mut logs, execution.run).await {
                Next::Output(output) => keeper.push(&output),
                Next::End if truncated => return Some(keeper.kept()),
                Next::End => {
                    let rest = keeper.finish();
                    self.store(execution, rest).await?;
                    return Some(keeper.kept());
                }
                Next::Stop => return None,
            };
            self.store(execution, pieces).await?;
            if keeper.overflown() && !truncated {
                truncated = true;
                let mark = format!("output is cut here: more than {} bytes\n", self.log_cap);
                let mark = keeper.note(&mark);
                self.store(execution, vec![mark]).await?;
            }
        }
    }

    /// After a stop, output that is there already is still taken.
    async fn next(&self, logs: &mut B::Logs, run: RunId) -> Next {
        let read = match self.stop.run_until_cancelled(logs.next()).await {
            Some(read) => read,
            None => match logs.next().now_or_never() {
                Some(read) => read,
                None => return Next::Stop,
            },
        };
        match read {
            Ok(Some(output)) => Next::Output(output),
            Ok(None) => Next::End,
            Err(error) => {
                tracing::error!(run.id = %run, %error, "the output cannot be read");
                Next::End
            }
        }
    }

    async fn store(&self, execution: Execution, pieces: Vec<Kept>) -> Option<()> {
        let Execution { run, attempt, .. } = execution;
        for Kept {
            output,
            next,
            bytes,
        } in pieces
        {
            metrics::counter!("maestro_executor_log_bytes_total").increment(bytes.len() as u64);
            let chunk = LogChunk {
                run,
                attempt,
                output,
                next,
                at: clock::now(),
                bytes,
            };
            self.persist(|| self.log.ship(&chunk)).await?;
        }
        Some(())
    }

    /// Repeats what fails while the broker is away; `None` when it fails while the executor stops.
    async fn persist<T, F>(&self, mut action: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::for_outage();
        loop {
            match action().await {
                Ok(done) => return Some(done),
                Err(error) => tracing::debug!(%error, "LOGS cannot be written now"),
            }
            self.stop.run_until_cancelled(backoff.wait()).await?;
        }
    }
}
