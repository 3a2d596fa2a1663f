//! Continuing where an earlier executor stopped.

use std::{io, sync::Arc};

use maestro_domain::{
    Name,
    report::{End, Execution},
};

use maestro_runtime::trace;
use tracing::Instrument as _;

use crate::{backend::Backend, executor::Executor, registry::Phase, reporting::Finished};

impl<B: Backend> Executor<B> {
    /// Adopts what is here, reports what ended meanwhile, and settles what should be here and is
    /// not. Returns when it is safe to take commands: a start that was handed out before the
    /// restart comes after the report that its attempt is lost.
    pub(crate) async fn recover(self: &Arc<Self>) -> io::Result<()> {
        for attempt in self.backend.recover().await? {
            let Execution {
                run,
                attempt: number,
                ..
            } = attempt.execution;
            let span = tracing::info_span!("run.continued", run.id = %run, run.attempt = number);
            trace::set_parent(&span, attempt.traceparent.as_deref());
            span.in_scope(|| tracing::info!("continuing an attempt of an earlier executor"));
            metrics::counter!("maestro_executor_adopted_total").increment(1);
            let _ = self.registry.enter(attempt.execution, Phase::Live);
            self.spawn(Self::supervise(Arc::clone(self), attempt).instrument(span));
        }
        for pool in &self.pools {
            let missing = self.report_inventory(pool).await.unwrap_or_default();
            for execution in missing {
                self.report_missing(pool, execution).await;
            }
        }
        Ok(())
    }

    async fn report_missing(&self, pool: &Name, execution: Execution) {
        if self.registry.enter(execution, Phase::Settled).is_err() {
            return;
        }
        tracing::warn!(run.id = %execution.run, run.attempt = execution.attempt, "an attempt is lost");
        self.report_finished(pool, Finished::unstarted(execution, End::Lost), None)
            .await;
        self.registry.leave(execution);
    }
}
