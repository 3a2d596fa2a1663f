//! One attempt from its start to the stored result.

use std::{pin::pin, sync::Arc, time::Duration};

use maestro_runtime::clock;
use tokio::{sync::watch, time};
use tracing::Instrument as _;

use crate::{
    backend::{Attempt, Backend, Observation},
    executor::Executor,
    reporting::Finished,
};

/// How long a report of the start may still be under way once all output is shipped.
const START_REPORT_WITHIN: Duration = Duration::from_secs(2);

impl<B: Backend> Executor<B> {
    /// Supervises an attempt that the backend has, until its end or until it is released.
    pub(crate) fn follow(self: &Arc<Self>, attempt: Attempt) {
        let released = self.registry.live(attempt.execution, attempt.pool.clone());
        let supervising = Self::supervise(Arc::clone(self), attempt).in_current_span();
        self.spawn(async move {
            let _ = released.run_until_cancelled(supervising).await;
        });
    }

    /// Ships the attempt's output and reports its start and end. Ends early when the executor
    /// stops; the next one continues.
    async fn supervise(self: Arc<Self>, attempt: Attempt) {
        let Some(seen) = self.backend.observe(attempt.execution) else {
            return;
        };
        let shipped = self.report_start_and_ship(&attempt, seen.clone()).await;
        let Some(log_bytes) = shipped else { return };
        let Some(Observation::Ended {
            end, at, detail, ..
        }) = self.wait(seen, Observation::has_ended).await
        else {
            return;
        };
        let finished = Finished {
            execution: attempt.execution,
            end,
            at,
            log_bytes,
            detail,
        };
        // What was released meanwhile is not collected: it is another's.
        if self
            .stop
            .run_until_cancelled(self.confirmation.wait())
            .await
            .is_none()
        {
            return;
        }
        let traceparent = attempt.traceparent.as_deref();
        if !self
            .report_finished(&attempt.pool, finished, traceparent)
            .await
        {
            return;
        }
        tracing::info!(?end, log_bytes, "finished");
        if let Err(error) = self.backend.collect(attempt.execution, clock::now()).await {
            tracing::warn!(%error, "a reported attempt cannot be marked; it is reported again");
        }
        self.registry.leave(attempt.execution);
    }

    /// A report of the start that is not answered does not hold up the report of the end for long.
    async fn report_start_and_ship(
        &self,
        attempt: &Attempt,
        seen: watch::Receiver<Observation>,
    ) -> Option<u64> {
        let mut starting = pin!(self.report_start(attempt, seen));
        let mut shipping = pin!(self.ship(attempt));
        tokio::select! {
            () = &mut starting => shipping.await,
            shipped = &mut shipping => {
                let _ = time::timeout(START_REPORT_WITHIN, starting).await;
                shipped
            }
        }
    }

    /// Reports the start as soon as there is one.
    async fn report_start(&self, attempt: &Attempt, seen: watch::Receiver<Observation>) {
        let started = |now: &Observation| now.started_at().is_some() || now.has_ended();
        let Some(now) = self.wait(seen, started).await else {
            return;
        };
        let Some(at) = now.started_at() else { return };
        let traceparent = attempt.traceparent.as_deref();
        self.report_started(
            &attempt.pool,
            attempt.execution,
            at,
            now.place(),
            traceparent,
        )
        .await;
    }

    async fn wait(
        &self,
        mut seen: watch::Receiver<Observation>,
        condition: impl FnMut(&Observation) -> bool,
    ) -> Option<Observation> {
        self.stop
            .run_until_cancelled(seen.wait_for(condition))
            .await?
            .ok()
            .map(|now| now.clone())
    }
}
