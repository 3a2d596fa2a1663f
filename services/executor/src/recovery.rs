//! Comparing what is here with what should be here: at the start, and whenever the conductor may
//! have given up on this executor.

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use futures::future::join_all;
use maestro_domain::report::{Assignment, Execution};
use tokio::time::{self, Instant};

use crate::{backend::Backend, executor::Executor};

/// How long adoptions may hold up new work.
const ADOPTED_WITHIN: Duration = Duration::from_secs(5);

impl<B: Backend> Executor<B> {
    /// Continues what an earlier executor has left here.
    pub(crate) async fn recover(self: &Arc<Self>) -> io::Result<()> {
        for attempt in self.backend.recover().await? {
            self.continue_attempt(attempt);
        }
        Ok(())
    }

    /// Sends the inventory, adopts what is missing and lets go of what is not this executor's any
    /// more. Only afterwards work is taken: a start that was handed out before a restart comes
    /// after the report that its attempt is lost.
    pub(crate) async fn join(self: Arc<Self>) {
        let Ok(_one_at_a_time) = self.joining.try_lock() else {
            return;
        };
        if !self.confirmation.is_away() {
            return;
        }
        let asked_at = Instant::now();
        let (mut missing, mut stale) = (Vec::new(), BTreeSet::new());
        for pool in &self.pools {
            let Some(differences) = self.report_inventory(pool).await else {
                return;
            };
            stale.extend(differences.stale);
            missing.extend(differences.missing.into_iter().map(|execution| Assignment {
                pool: pool.clone(),
                execution,
            }));
        }
        // The pool of an attempt whose record was destroyed is a guess.
        missing
            .iter()
            .for_each(|held| _ = stale.remove(&held.execution));
        for execution in stale {
            self.let_go(execution).await;
        }
        let adoptions = missing
            .into_iter()
            .map(|held| self.spawn(Self::adopt(Arc::clone(&self), held)));
        let _ = time::timeout(ADOPTED_WITHIN, join_all(adoptions)).await;
        if self.drained.is_cancelled() {
            self.report_draining().await;
        }
        self.confirmation.joined(asked_at);
        self.beat.notify_one();
    }

    /// The lease moved or was given up: nothing of this execution is reported any more.
    async fn let_go(&self, execution: Execution) {
        if self.registry.release(execution) {
            tracing::warn!(
                run.id = %execution.run,
                run.attempt = execution.attempt,
                "the lease of an attempt is not this executor's any more"
            );
            metrics::counter!("maestro_executor_released_total").increment(1);
            self.backend.forget(execution).await;
        }
    }
}

/// How the inventory of a pool differs from the leases.
pub(crate) struct Differences {
    pub(crate) missing: Vec<Execution>,
    pub(crate) stale: Vec<Execution>,
}
