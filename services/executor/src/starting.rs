//! From a start command to a running attempt.

use std::{io, sync::Arc};

use maestro_domain::{
    Digest,
    report::{End, Execution},
    run::{RunSpec, Start},
};
use maestro_runtime::{clock, trace};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    backend::{Attempt, Backend, Task},
    backoff::Backoff,
    executor::Executor,
    registry::Phase,
    reporting::Finished,
    submission::{Submitted, Ticket},
};

/// What a start led to.
enum Outcome {
    Started(Attempt),
    /// The conductor wants no such start (any more).
    Refused,
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
    pub(crate) async fn start(self: Arc<Self>, mut ticket: Ticket, start: Start) {
        let Some(canceled) = self.enter(&mut ticket, start.execution).await else {
            return;
        };
        let span = tracing::info_span!(
            "run",
            run.id = %start.execution.run,
            run.attempt = start.execution.attempt,
            delivery.id = %start.delivery,
        );
        let parent = ticket.traceparent().or_else(|| start.traceparent.clone());
        trace::set_parent(&span, parent.as_deref());
        Self::claim_and_start(self, ticket, start, canceled, parent)
            .instrument(span)
            .await;
    }

    /// Enters a start; tells its origin at once when it was entered before.
    async fn enter(&self, ticket: &mut Ticket, execution: Execution) -> Option<CancellationToken> {
        let canceled = CancellationToken::new();
        let entered = Phase::Starting(canceled.clone());
        match self.registry.enter(execution, entered) {
            Ok(()) => return Some(canceled),
            // The first delivery of this command is at work and will acknowledge it.
            Err(Phase::Starting(_)) => {}
            Err(Phase::Live(_) | Phase::Settled) => ticket.acknowledge().await,
        }
        ticket.tell(Submitted::Granted);
        None
    }

    async fn claim_and_start(
        self: Arc<Self>,
        mut ticket: Ticket,
        start: Start,
        canceled: CancellationToken,
        parent: Option<String>,
    ) {
        let received = clock::monotonic();
        let traceparent = trace::current_traceparent().or(parent);
        let (execution, pool) = (start.execution, start.pool.clone());
        let outcome = self
            .obtain(&mut ticket, &start, &canceled, traceparent.as_deref())
            .await;
        match outcome {
            Outcome::Started(attempt) => {
                metrics::histogram!("maestro_executor_start_seconds")
                    .record(received.elapsed().as_secs_f64());
                self.follow(attempt);
                self.cancel_if(&canceled, execution).await;
                ticket.acknowledge().await;
            }
            Outcome::Settled(end, why) => {
                self.registry.settle(execution);
                let finished = Finished {
                    detail: why,
                    ..Finished::unstarted(execution, end)
                };
                if self
                    .report_finished(&pool, finished, traceparent.as_deref())
                    .await
                {
                    ticket.acknowledge().await;
                }
                self.registry.leave(execution);
            }
            Outcome::Refused => {
                metrics::counter!("maestro_executor_claims_refused_total").increment(1);
                self.registry.leave(execution);
                ticket.tell(Submitted::Refused);
                ticket.acknowledge().await;
            }
            Outcome::Stopped => self.registry.leave(execution),
        }
    }

    /// Claims and creates. What was claimed is claimed again when the right to act was in doubt
    /// since then, because the lease may have moved.
    async fn obtain(
        &self,
        ticket: &mut Ticket,
        start: &Start,
        canceled: &CancellationToken,
        traceparent: Option<&str>,
    ) -> Outcome {
        let mut end = &self.drained;
        loop {
            if end
                .run_until_cancelled(self.confirmation.wait())
                .await
                .is_none()
            {
                return Outcome::Stopped;
            }
            // What may be claimed already is carried on, also when nothing new is taken.
            end = &self.stop;
            let claimed_at = Instant::now();
            match self.claim(&start.pool, start.execution, traceparent).await {
                Some(true) => ticket.tell(Submitted::Granted),
                Some(false) => return Outcome::Refused,
                None => return Outcome::Stopped,
            }
            let created = self.create(start, canceled, traceparent, claimed_at);
            if let Some(outcome) = created.await {
                return outcome;
            }
            tracing::info!("claiming once more: the conductor was not heard for a while");
        }
    }

    /// `None` when the claim of then may not stand any more; nothing was created.
    async fn create(
        &self,
        start: &Start,
        canceled: &CancellationToken,
        traceparent: Option<&str>,
        claimed_at: Instant,
    ) -> Option<Outcome> {
        let Ok(_permit) = self.launches.acquire().await else {
            return Some(Outcome::Stopped);
        };
        let spec = match self.stop.run_until_cancelled(self.fetch_spec(start)).await {
            Some(Ok(spec)) => spec,
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "nothing to execute"
                );
                let why = Some(error.to_string());
                return Some(Outcome::Settled(End::LaunchRejected, why));
            }
            None => return Some(Outcome::Stopped),
        };
        let _creating = self.creating.read().await;
        if self.stop.is_cancelled() {
            return Some(Outcome::Stopped);
        }
        if canceled.is_cancelled() {
            return Some(Outcome::Settled(End::Canceled, None));
        }
        if !self.confirmation.held_since(claimed_at) {
            return None;
        }
        let task = Task {
            start: start.clone(),
            spec,
            traceparent: traceparent.map(str::to_owned),
        };
        let may_create = || self.confirmation.held_since(claimed_at);
        match self.backend.ensure(&task, &may_create).await {
            Ok(attempt) => Some(Outcome::Started(attempt)),
            // The right to act ended while it was being created.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) => {
                tracing::error!(%error, "the attempt cannot be created");
                let why = Some(error.to_string());
                Some(Outcome::Settled(End::LaunchRejected, why))
            }
        }
    }

    /// A cancel that came while the attempt was created.
    pub(crate) async fn cancel_if(&self, canceled: &CancellationToken, execution: Execution) {
        if canceled.is_cancelled() {
            // Should it fail, the order comes again with the next heartbeat.
            match self.backend.cancel(execution).await {
                Ok(()) => self.registry.canceled(execution),
                Err(error) => tracing::warn!(%error, "cannot cancel yet"),
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
