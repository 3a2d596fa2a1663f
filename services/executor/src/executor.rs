//! The parts of a running executor and their life together.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use maestro_domain::{ExecutorId, Name};
use maestro_eventlog::{EventLog, Vault};
use maestro_runtime::clock;
use tokio::{
    sync::{Mutex, Notify, RwLock, Semaphore},
    task::JoinHandle,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{backend::Backend, config::OnStop, confirmation::Confirmation, registry::Registry};

/// What is not flushed within this time after a stop is flushed by the next executor.
const FLUSH_WITHIN: Duration = Duration::from_millis(1500);
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// One executor over one backend.
pub(crate) struct Executor<B> {
    pub(crate) id: ExecutorId,
    pub(crate) pools: Vec<Name>,
    pub(crate) log_cap: u64,
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    pub(crate) backend: B,
    pub(crate) registry: Registry,
    pub(crate) launches: Semaphore,
    pub(crate) confirmation: Confirmation,
    /// Read while something is created; whoever writes knows that nothing is.
    pub(crate) creating: RwLock<()>,
    /// Held while the inventory is compared with the leases.
    pub(crate) joining: Mutex<()>,
    /// Asks for a heartbeat at once.
    pub(crate) beat: Notify,
    /// Nothing new is taken.
    pub(crate) drained: CancellationToken,
    on_stop: OnStop,
    /// Asks everything to come to a good end soon.
    pub(crate) stop: CancellationToken,
    /// Ends what has not come to a good end.
    abort: CancellationToken,
    tasks: TaskTracker,
}

/// What an executor is made of.
pub(crate) struct Parts<B> {
    pub(crate) id: ExecutorId,
    pub(crate) pools: Vec<Name>,
    pub(crate) log_cap: u64,
    pub(crate) max_parallel_starts: usize,
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    pub(crate) backend: B,
    pub(crate) on_stop: OnStop,
    pub(crate) stop: CancellationToken,
}

impl<B: Backend> Executor<B> {
    pub(crate) fn new(parts: Parts<B>) -> Arc<Self> {
        let stop = parts.stop.child_token();
        Arc::new(Self {
            id: parts.id,
            pools: parts.pools,
            log_cap: parts.log_cap,
            log: parts.log,
            vault: parts.vault,
            backend: parts.backend,
            registry: Registry::default(),
            launches: Semaphore::new(parts.max_parallel_starts.max(1)),
            confirmation: Confirmation::default(),
            creating: RwLock::new(()),
            joining: Mutex::new(()),
            beat: Notify::new(),
            drained: stop.child_token(),
            on_stop: parts.on_stop,
            stop,
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Serves until asked to stop.
    pub(crate) async fn serve(self: &Arc<Self>) -> anyhow::Result<()> {
        let _ends_with_this_call = self.abort.clone().drop_guard();
        self.recover()
            .await
            .context("looking for attempts of an earlier executor")?;
        let orders = self.log.orders(self.id).await?;
        self.spawn(Self::take_orders(Arc::clone(self), orders));
        self.spawn(Self::send_heartbeats(Arc::clone(self)));
        self.spawn(Self::join(Arc::clone(self)));
        for pool in self.pools.clone() {
            self.spawn(Self::serve_pool(Arc::clone(self), pool));
        }
        self.spawn(Self::keep_tidy(Arc::clone(self)));
        self.stop.cancelled().await;
        self.tasks.close();
        let (flushed, ()) =
            tokio::join!(time::timeout(FLUSH_WITHIN, self.tasks.wait()), self.leave());
        if flushed.is_err() {
            tracing::info!("stopping before everything is flushed; the next start continues");
        }
        self.abort.cancel();
        self.tasks.wait().await;
        if self.on_stop == OnStop::End {
            self.backend.end_all().await;
        }
        Ok(())
    }

    /// Runs a task that ends with the executor at the latest.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<Option<()>> {
        self.tasks
            .spawn(self.abort.clone().run_until_cancelled_owned(task))
    }

    async fn keep_tidy(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            match self.backend.sweep(clock::now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "removed attempts past their retention"),
                Err(error) => tracing::warn!(%error, "cannot remove old attempts"),
            }
            self.stop
                .run_until_cancelled(time::sleep(SWEEP_EVERY))
                .await;
        }
    }
}
