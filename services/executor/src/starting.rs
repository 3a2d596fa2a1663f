//! From a start command to a running attempt.

use std::sync::Arc;

use maestro_domain::{
    Digest,
    report::End,
    run::{RunSpec, Start},
};
use maestro_eventlog::Job;
use maestro_runtime::{clock, trace};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    backend::{Attempt, Backend, Task},
    backoff::Backoff,
    executor::Executor,
    registry::Phase,
    reporting::Finished,
};

/// What a granted claim led to.
enum Granted {
    Started(Attempt),
    /// Nothing was created and nothing will be, with the reason.
    Settled(End, Option<String>),
    /// The executor stops; the conductor hears of it at the next start.
    Stopped,
}

/// Why there is nothing to execute.
#[derive(Debug, thiserror::Error)]
enum SpecError {
    #[error("the run's specification is gone from the vault")]
    Gone,
    #[error("the run's specification is not the one that was decided on")]
    Differs,
    #[error("the run's specification cannot be read")]
    Malformed(#[source] serde_json::Error),
}

impl<B: Backend> Executor<B> {
    pub(crate) async fn start(self: Arc<Self>, job: Job, start: Start) {
        let Some(canceled) = self.enter(&job, start.execution).await else {
            return;
        };
        let span = tracing::info_span!(
            "run",
            run.id = %start.execution.run,
            run.attempt = start.execution.attempt,
            delivery.id = %start.delivery,
        );
        let parent = job
            .traceparent
            .clone()
            .or_else(|| start.traceparent.clone());
        trace::set_parent(&span, parent.as_deref());
        Self::claim_and_start(self, job, start, canceled, parent)
            .instrument(span)
            .await;
    }

    async fn claim_and_start(
        self: Arc<Self>,
        job: Job,
        start: Start,
        canceled: CancellationToken,
        parent: Option<String>,
    ) {
        let received = clock::monotonic();
        let traceparent = trace::current_traceparent().or(parent);
        let (execution, pool) = (start.execution, start.pool.clone());
        match self.claim(&pool, execution, traceparent.as_deref()).await {
            Some(true) => {}
            refused => {
                self.registry.leave(execution);
                if refused.is_some() {
                    metrics::counter!("maestro_executor_claims_refused_total").increment(1);
                    acknowledge(&job).await;
                }
                return;
            }
        }
        match self.create(start, &canceled, traceparent.clone()).await {
            Granted::Started(attempt) => {
                metrics::histogram!("maestro_executor_start_seconds")
                    .record(received.elapsed().as_secs_f64());
                self.registry.set(execution, Phase::Live);
                self.cancel_if(&canceled, &attempt).await;
                let supervisor = Self::supervise(Arc::clone(&self), attempt).in_current_span();
                self.spawn(supervisor);
                acknowledge(&job).await;
            }
            Granted::Settled(end, why) => {
                self.registry.set(execution, Phase::Settled);
                let finished = Finished {
                    detail: why,
                    ..Finished::unstarted(execution, end)
                };
                if self
                    .report_finished(&pool, finished, traceparent.as_deref())
                    .await
                {
                    acknowledge(&job).await;
                }
                self.registry.leave(execution);
            }
            Granted::Stopped => self.registry.leave(execution),
        }
    }

    async fn create(
        &self,
        start: Start,
        canceled: &CancellationToken,
        traceparent: Option<String>,
    ) -> Granted {
        let Ok(_permit) = self.launches.acquire().await else {
            return Granted::Stopped;
        };
        let spec = match self.stop.run_until_cancelled(self.fetch_spec(&start)).await {
            Some(Ok(spec)) => spec,
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "nothing to execute"
                );
                return Granted::Settled(End::LaunchRejected, Some(error.to_string()));
            }
            None => return Granted::Stopped,
        };
        if canceled.is_cancelled() {
            return Granted::Settled(End::Canceled, None);
        }
        match self
            .backend
            .ensure(&Task {
                start,
                spec,
                traceparent,
            })
            .await
        {
            Ok(attempt) => Granted::Started(attempt),
            Err(error) => {
                tracing::error!(%error, "the attempt cannot be created");
                Granted::Settled(End::LaunchRejected, Some(error.to_string()))
            }
        }
    }

    /// A cancel that came while the attempt was created.
    async fn cancel_if(&self, canceled: &CancellationToken, attempt: &Attempt) {
        if canceled.is_cancelled() {
            // Should it fail, the cancel command comes again: it is not acknowledged yet.
            if let Err(error) = self.backend.cancel(attempt.execution).await {
                tracing::warn!(%error, "cannot cancel");
            }
        }
    }

    /// Waits for the vault while it is away.
    async fn fetch_spec(&self, start: &Start) -> Result<RunSpec, SpecError> {
        let mut backoff = Backoff::for_outage();
        let text = loop {
            match self.vault.get(&start.spec.key).await {
                Ok(Some(text)) => break text,
                Ok(None) => return Err(SpecError::Gone),
                Err(error) if error.is_unavailable() => {
                    tracing::warn!(%error, "waiting for the vault");
                    backoff.wait().await;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the vault");
                    return Err(SpecError::Gone);
                }
            }
        };
        if Digest::keyed(&self.vault.keys().digest_key(), &text) != start.spec.digest {
            return Err(SpecError::Differs);
        }
        serde_json::from_slice(&text).map_err(SpecError::Malformed)
    }
}

async fn acknowledge(job: &Job) {
    if let Err(error) = job.ack().await {
        tracing::debug!(%error, "a run command will come again");
    }
}
