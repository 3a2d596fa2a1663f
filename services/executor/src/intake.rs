//! Taking run commands.

use std::sync::Arc;

use maestro_domain::{Name, run::RunCommand};
use maestro_eventlog::{Job, RunCommands};

use crate::{backend::Backend, backoff::Backoff, executor::Executor, submission::Ticket};

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
                return self.start(Ticket::Queued(Box::new(job)), start).await;
            }
            Err(error) => error.to_string(),
        };
        tracing::error!(why, "a run command cannot be read; parked");
        if let Err(error) = job.park(&why).await {
            tracing::debug!(%error, "a run command will come again");
        }
    }
}
