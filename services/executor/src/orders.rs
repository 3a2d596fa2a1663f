//! Following orders: adopt and cancel. Each may come any number of times, and at any moment.

use std::sync::Arc;

use maestro_domain::report::{Assignment, End};
use maestro_runtime::trace;
use tokio_util::sync::CancellationToken;

use crate::{
    backend::{Attempt, Backend},
    backoff::Backoff,
    executor::Executor,
    registry::Phase,
    reporting::Finished,
};

impl<B: Backend> Executor<B> {
    /// Looks after an execution whose lease is this executor's; reports it as lost when it is
    /// certain that there is none. Returns when that is settled.
    pub(crate) async fn adopt(self: Arc<Self>, of: Assignment) {
        let Assignment { pool, execution } = of;
        let canceled = CancellationToken::new();
        let entered = Phase::Starting(canceled.clone());
        if self.registry.enter(execution, entered).is_err() {
            return;
        }
        let mut backoff = Backoff::for_outage();
        // Asked again after each failure: the lease may have moved on.
        while self.claim_adoption(&pool, execution).await == Some(true) {
            match self.backend.adopt(execution, &pool).await {
                Ok(Some(attempt)) => {
                    self.continue_attempt(attempt);
                    self.cancel_if(&canceled, execution).await;
                    return;
                }
                Ok(None) => {
                    tracing::warn!(run.id = %execution.run, run.attempt = execution.attempt, "an attempt is lost");
                    self.registry.settle(execution);
                    let lost = Finished::unstarted(execution, End::Lost);
                    self.report_finished(&pool, lost, None).await;
                    break;
                }
                Err(error) => {
                    tracing::warn!(run.id = %execution.run, %error, "cannot adopt an attempt yet");
                    if self
                        .stop
                        .run_until_cancelled(backoff.wait())
                        .await
                        .is_none()
                    {
                        break;
                    }
                }
            }
        }
        self.registry.leave(execution);
    }

    /// Supervises an attempt that another executor, or an earlier one, has created.
    pub(crate) fn continue_attempt(self: &Arc<Self>, attempt: Attempt) {
        let execution = attempt.execution;
        let span = tracing::info_span!(
            "run.continued",
            run.id = %execution.run,
            run.attempt = execution.attempt,
        );
        trace::set_parent(&span, attempt.traceparent.as_deref());
        let _entered = span.enter();
        tracing::info!("continuing an attempt of an earlier executor");
        metrics::counter!("maestro_executor_adopted_total").increment(1);
        self.follow(attempt);
    }

    /// Ends an execution; if it never started here, it never will.
    pub(crate) async fn cancel(self: Arc<Self>, of: Assignment) {
        let Assignment { pool, execution } = of;
        match self.registry.enter(execution, Phase::Settled) {
            Err(Phase::Live(live)) if live.canceled => {}
            Err(Phase::Live(_)) => match self.backend.cancel(execution).await {
                Ok(()) => self.registry.canceled(execution),
                Err(error) => {
                    tracing::warn!(run.id = %execution.run, %error, "cannot cancel yet");
                }
            },
            Err(Phase::Starting(canceled)) => canceled.cancel(),
            Err(Phase::Settled) => {}
            Ok(()) => {
                let finished = Finished::unstarted(execution, End::Canceled);
                self.report_finished(&pool, finished, None).await;
                self.registry.leave(execution);
            }
        }
    }
}
