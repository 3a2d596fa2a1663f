//! Changes of the read models, read once and sent to everyone who watches.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use maestro_contracts::v1::{Resync, SlotsChanged, WatchResponse, watch_response::Change};
use maestro_readmodel::{ChangeSet, ChangedKeys, ReadModel};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::convert;
use crate::error::chain;

/// Changes kept for a slow watcher before it is told to ask for everything again.
const KEPT: usize = 1024;

/// The one reader of changes and its many watchers.
#[derive(Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<WatchResponse>>,
    revision: Arc<AtomicU64>,
}

/// What one watcher gets.
pub(super) struct Watcher(broadcast::Receiver<Arc<WatchResponse>>);

impl Feed {
    /// Reads changes until `shutdown`.
    pub(crate) fn start(readmodel: ReadModel, shutdown: CancellationToken) -> Self {
        let feed = Self {
            sender: broadcast::Sender::new(KEPT),
            revision: Arc::default(),
        };
        let task = feed.clone();
        tokio::spawn(shutdown.run_until_cancelled_owned(task.run(readmodel)));
        feed
    }

    /// Everything that changes from now on.
    pub(super) fn watch(&self) -> Watcher {
        Watcher(self.sender.subscribe())
    }

    /// The latest revision that was announced; zero before the first.
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    async fn run(self, readmodel: ReadModel) {
        let mut changes = readmodel.changes();
        while let Some(set) = changes.next().await {
            self.revision.fetch_max(set.revision, Ordering::Relaxed);
            if self.sender.receiver_count() > 0 {
                self.announce(&readmodel, set).await;
            }
        }
    }

    async fn announce(&self, readmodel: &ReadModel, set: ChangeSet) {
        let revision = set.revision;
        let changes = if set.resync {
            None
        } else {
            read(readmodel, set).await
        };
        for change in changes.unwrap_or_else(|| vec![Change::Resync(Resync {})]) {
            // Nobody may be watching any more.
            let _ = self.sender.send(Arc::new(WatchResponse {
                revision,
                change: Some(change),
            }));
        }
    }
}

/// The changed rows; `None` when they cannot be read.
async fn read(readmodel: &ReadModel, set: ChangeSet) -> Option<Vec<Change>> {
    let ChangedKeys {
        runs,
        deliveries,
        projects,
        executors,
    } = set.keys;
    let rows = async {
        // Most sets hold keys of one kind.
        let mut changed_runs = Vec::new();
        if !runs.is_empty() {
            changed_runs = readmodel.get_runs(runs).await?;
            changed_runs.sort_unstable_by_key(|run| run.revision);
        }
        let mut changed_deliveries = Vec::new();
        if !deliveries.is_empty() {
            changed_deliveries = readmodel.get_deliveries(deliveries).await?;
        }
        Ok::<_, maestro_readmodel::Error>((changed_runs, changed_deliveries))
    };
    let (runs, deliveries) = rows
        .await
        .inspect_err(|error| tracing::warn!(error = %chain(error), "changed rows cannot be read"))
        .ok()?;
    let runs = runs.into_iter().map(|run| Change::Run(convert::run(run)));
    let deliveries = deliveries
        .into_iter()
        .map(|each| Change::Delivery(convert::delivery(each)));
    let slots = projects
        .into_iter()
        .map(|project| slots_changed(project, false));
    let executors = (!executors.is_empty()).then(|| slots_changed(String::new(), true));
    let changes = deliveries.chain(runs).chain(slots).chain(executors);
    Some(changes.collect())
}

const fn slots_changed(project: String, executors: bool) -> Change {
    Change::Slots(SlotsChanged { project, executors })
}

impl Watcher {
    /// The next change; a resync in place of what a slow watcher missed. `None` when the gateway
    /// stops.
    pub(super) async fn next(&mut self) -> Option<Arc<WatchResponse>> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let change = Some(Change::Resync(Resync {}));
                Some(Arc::new(WatchResponse {
                    revision: 0,
                    change,
                }))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
