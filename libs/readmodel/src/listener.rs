//! Follows the notifications of the projections.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::{broadcast, watch},
    task::AbortHandle,
    time::timeout,
};

use crate::changes::{CHANNEL, ChangeSet, Changes};

/// Changes kept for a slow reader.
const BUFFERED: usize = 1024;
/// Silence after which it is verified that nothing was missed.
const SILENCE: Duration = Duration::from_secs(10);
/// Pause before Postgres is asked again.
const PAUSE: Duration = Duration::from_millis(500);

type Revisions = BTreeMap<String, u64>;

/// Distributes changes and revisions to everybody in this process. Starts to listen when first
/// asked.
pub(crate) struct Hub {
    listener: PgPool,
    queries: PgPool,
    revisions: watch::Sender<Revisions>,
    changes: broadcast::Sender<ChangeSet>,
    task: OnceLock<AbortHandle>,
}

impl Hub {
    pub(crate) fn new(listener: PgPool, queries: PgPool) -> Self {
        Self {
            listener,
            queries,
            revisions: watch::Sender::default(),
            changes: broadcast::Sender::new(BUFFERED),
            task: OnceLock::new(),
        }
    }

    pub(crate) fn changes(&self) -> Changes {
        let receiver = self.changes.subscribe();
        self.start();
        Changes(receiver)
    }

    /// Whether `projection` reaches `revision` within `limit`.
    pub(crate) async fn reached(&self, projection: &str, revision: u64, limit: Duration) -> bool {
        let mut revisions = self.revisions.subscribe();
        self.start();
        let there =
            revisions.wait_for(|known| known.get(projection).is_some_and(|r| *r >= revision));
        matches!(timeout(limit, there).await, Ok(Ok(_)))
    }

    fn start(&self) {
        self.task.get_or_init(|| {
            let follower = Follower {
                listener: self.listener.clone(),
                queries: self.queries.clone(),
                revisions: self.revisions.clone(),
                changes: self.changes.clone(),
            };
            tokio::spawn(async move { follower.run().await }).abort_handle()
        });
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

struct Follower {
    listener: PgPool,
    queries: PgPool,
    revisions: watch::Sender<Revisions>,
    changes: broadcast::Sender<ChangeSet>,
}

impl Follower {
    async fn run(&self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::debug!(%error, "changes of the read models cannot be followed");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Listens until the connection is lost or something was missed.
    async fn follow(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.listener).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        self.revisions.send_replace(self.load().await?);
        // What was committed before the first word was heard may be unknown to those who watch;
        // nobody needs to be there to hear it.
        let _ = self.changes.send(ChangeSet::resync());
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => self.publish(notification.payload()),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Err(_) if self.load().await? == *self.revisions.borrow() => {}
                Err(_) => {
                    tracing::warn!("notifications of the read models were missed; listening anew");
                    return Ok(());
                }
            }
        }
    }

    fn publish(&self, payload: &str) {
        let Ok(change) = serde_json::from_str::<ChangeSet>(payload) else {
            tracing::warn!("a notification of the read models cannot be read");
            let _ = self.changes.send(ChangeSet::resync());
            return;
        };
        self.revisions.send_modify(|known| {
            known.insert(change.projection.clone(), change.revision);
        });
        let _ = self.changes.send(change);
    }

    async fn load(&self) -> Result<Revisions, sqlx::Error> {
        let rows = sqlx::query!("select name, seq from projection_checkpoints")
            .fetch_all(&self.queries)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, row.seq.cast_unsigned()))
            .collect())
    }
}
