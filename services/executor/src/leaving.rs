//! The end of an executor: no more work for it, or no more executor.

use std::{sync::Arc, time::Duration};

use maestro_domain::{Report, report::ReportMessage};
use tokio::time;

use crate::{backend::Backend, executor::Executor};

/// How long creations may take to end before a stop. Afterwards the conductor has to find out by
/// itself that this executor is gone.
const CREATED_WITHIN: Duration = Duration::from_millis(600);
/// How long the conductor may take to answer a goodbye.
const ANSWERED_WITHIN: Duration = Duration::from_millis(800);

impl<B: Backend> Executor<B> {
    /// Says goodbye once nothing is being created: what this executor looked after is another's at
    /// once. Takes 1.4 s at most.
    pub(crate) async fn leave(&self) {
        let Ok(_nothing_is_created) = time::timeout(CREATED_WITHIN, self.creating.write()).await
        else {
            tracing::warn!("stopping while attempts are created; their leases move after a term");
            return;
        };
        let Some(pool) = self.pools.first() else {
            return;
        };
        let message = ReportMessage {
            executor: self.id,
            report: Report::Leaving,
        };
        let told = self.log.report(pool, &message, None, ANSWERED_WITHIN);
        match time::timeout(ANSWERED_WITHIN, told).await {
            Ok(Ok(_)) => tracing::debug!("the conductor knows that this executor stops"),
            Ok(Err(error)) => tracing::debug!(%error, "the goodbye is not answered"),
            Err(_) => tracing::debug!("the goodbye is not answered in time"),
        }
    }

    /// Takes nothing new from now on and looks after what is here. With `then_stop` the executor
    /// stops once nothing is left. May be repeated.
    pub(crate) fn drain(self: &Arc<Self>, then_stop: bool) {
        if !self.drained.is_cancelled() {
            tracing::info!("draining: nothing new is taken");
            metrics::gauge!("maestro_executor_draining").set(1.0);
            self.drained.cancel();
            let executor = Arc::clone(self);
            self.spawn(async move { executor.report_draining().await });
        }
        if then_stop {
            let executor = Arc::clone(self);
            self.spawn(async move {
                executor.registry.emptied().await;
                tracing::info!("drained: nothing is left, stopping");
                executor.stop.cancel();
            });
        }
    }
}
