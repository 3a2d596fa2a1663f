//! Taking run commands.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use maestro_domain::{
    ExecutorId, Name,
    report::{End, Execution},
    run::RunCommand,
};
use maestro_eventlog::{Error, Job, RunCommands};
use tokio_util::sync::CancellationToken;

use crate::{
    backend::Backend, backoff::Backoff, executor::Executor, registry::Phase, reporting::Finished,
};

/// A cancel that cannot be carried out yet comes again after about this; later after more.
const CANCEL_AGAIN: Duration = Duration::from_millis(200);
const CANCEL_QUICK_ROUNDS: i64 = 32;
const CANCEL_AGAIN_AT_LATEST: Duration = Duration::from_secs(30);

impl<B: Backend> Executor<B> {
    /// Takes commands of one pool until asked to stop.
    pub(crate) async fn serve_pool(self: Arc<Self>, pool: Name) {
        let mut backoff = Backoff::for_outage();
        while !self.stop.is_cancelled() {
            match self.log.run_commands(&pool).await {
                Ok(commands) => {
                    backoff = Backoff::for_outage();
                    self.take(commands).await;
                }
                Err(error) => tracing::warn!(%pool, %error, "cannot take run commands"),
            }
            self.stop.run_until_cancelled(backoff.wait()).await;
        }
    }

    async fn take(self: &Arc<Self>, mut commands: RunCommands) {
        loop {
            match self.stop.run_until_cancelled(commands.next()).await {
                None => return,
                Some(Ok(job)) => self.spawn(Self::handle(Arc::clone(self), job)),
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot take run commands");
                    return;
                }
            }
        }
    }

    async fn handle(self: Arc<Self>, job: Job) {
        let acted = match &job.command {
            Ok(RunCommand::Start(start)) => {
                let start = start.clone();
                return self.start(job, start).await;
            }
            Ok(RunCommand::Cancel {
                execution,
                pool,
                executor,
            }) => self.cancel(&job, *execution, pool, *executor).await,
            Err(error) => {
                tracing::error!(%error, "dropping a run command that cannot be read");
                job.term().await
            }
        };
        if let Err(error) = acted {
            tracing::debug!(%error, "a run command will come again");
        }
    }

    async fn cancel(
        &self,
        job: &Job,
        execution: Execution,
        pool: &Name,
        executor: ExecutorId,
    ) -> Result<(), Error> {
        if executor != self.id {
            // It goes round until the executor it is for takes it.
            return self.cancel_again(job, execution).await;
        }
        match self.registry.enter(execution, Phase::Settled) {
            Err(Phase::Live) => match self.backend.cancel(execution).await {
                Ok(()) => job.ack().await,
                Err(error) => {
                    tracing::warn!(run.id = %execution.run, %error, "cannot cancel");
                    self.cancel_again(job, execution).await
                }
            },
            Err(Phase::Starting(canceled)) => {
                canceled.cancel();
                self.cancel_again(job, execution).await
            }
            Err(Phase::Settled) => Ok(()),
            Ok(()) => {
                let finished = Finished::unstarted(execution, End::Canceled);
                let traceparent = job.traceparent.as_deref();
                let reported = self.report_finished(pool, finished, traceparent).await;
                self.registry.leave(execution);
                if reported { job.ack().await } else { Ok(()) }
            }
        }
    }

    /// Executors and commands differ in their delays. Otherwise several cancels could be handed to
    /// the wrong one of two executors again and again.
    async fn cancel_again(&self, job: &Job, execution: Execution) -> Result<(), Error> {
        let mut hasher = DefaultHasher::new();
        (self.id, execution, job.delivered).hash(&mut hasher);
        let permille = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
        let rounds = u32::try_from(job.delivered / CANCEL_QUICK_ROUNDS).unwrap_or(u32::MAX);
        let base = CANCEL_AGAIN
            .saturating_mul(rounds.saturating_add(1))
            .min(CANCEL_AGAIN_AT_LATEST);
        job.nak(base / 2 + base * permille / 1000).await
    }

    /// Enters a start; answers the command at once when it was entered before.
    pub(crate) async fn enter(&self, job: &Job, execution: Execution) -> Option<CancellationToken> {
        let canceled = CancellationToken::new();
        match self
            .registry
            .enter(execution, Phase::Starting(canceled.clone()))
        {
            Ok(()) => return Some(canceled),
            // The first delivery of this command is at work and will acknowledge it.
            Err(Phase::Starting(_)) => {}
            Err(Phase::Live | Phase::Settled) => {
                if let Err(error) = job.ack().await {
                    tracing::debug!(%error, "a run command will come again");
                }
            }
        }
        None
    }
}
