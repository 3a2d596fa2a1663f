//! Taking run commands.

use std::sync::Arc;

use maestro_domain::{Name, report::Execution, run::RunCommand};
use maestro_eventlog::{Job, RunCommands};
use tokio_util::sync::CancellationToken;

use crate::{backend::Backend, backoff::Backoff, executor::Executor, registry::Phase};

impl<B: Backend> Executor<B> {
    /// Takes commands of one pool until asked to drain or to stop.
    pub(crate) async fn serve_pool(self: Arc<Self>, pool: Name) {
        let mut backoff = Backoff::for_outage();
        while !self.drained.is_cancelled() {
            match self.log.run_commands(&pool).await {
                Ok(commands) => {
                    backoff = Backoff::for_outage();
                    self.take(commands).await;
                }
                Err(error) => tracing::warn!(%pool, %error, "cannot take run commands"),
            }
            self.drained.run_until_cancelled(backoff.wait()).await;
        }
    }

    async fn take(self: &Arc<Self>, mut commands: RunCommands) {
        loop {
            match self.drained.run_until_cancelled(commands.next()).await {
                None => return,
                Some(Ok(job)) => {
                    self.spawn(Self::handle(Arc::clone(self), job));
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot take run commands");
                    return;
                }
            }
        }
    }

    async fn handle(self: Arc<Self>, job: Job) {
        let why = match &job.command {
            Ok(RunCommand::Start(start)) => {
                let start = start.clone();
                return self.start(job, start).await;
            }
            Err(error) => error.to_string(),
        };
        tracing::error!(why, "a run command cannot be read; parked");
        if let Err(error) = job.park(&why).await {
            tracing::debug!(%error, "a run command will come again");
        }
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
            Err(Phase::Live(_) | Phase::Settled) => {
                if let Err(error) = job.ack().await {
                    tracing::debug!(%error, "a run command will come again");
                }
            }
        }
        None
    }
}
