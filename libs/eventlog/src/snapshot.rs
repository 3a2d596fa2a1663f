//! Snapshots of the conductor's state.

use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::{Error, EventLog, names::Bucket};

impl EventLog {
    /// Keeps a snapshot under a name, replacing one of that name.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn save_snapshot(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        self.save_object(Bucket::Snapshots, name, &bytes).await
    }

    /// Names of the snapshots kept, sorted.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn list_snapshots(&self) -> Result<Vec<String>, Error> {
        let store = self.object_store(Bucket::Snapshots).await?;
        let list = store.list().await.map_err(|_| Error::Unavailable)?;
        let mut names: Vec<String> = list
            .map_ok(|info| info.name)
            .try_collect()
            .await
            .map_err(|_| Error::Unavailable)?;
        names.sort_unstable();
        Ok(names)
    }

    /// A snapshot; `None` when there is none of that name.
    ///
    /// # Errors
    /// When the broker is away, or [`Error::Object`] when it is damaged.
    pub async fn load_snapshot(&self, name: &str) -> Result<Option<Bytes>, Error> {
        self.load_object(Bucket::Snapshots, name).await
    }

    /// Deletes a snapshot if there is one of that name.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn delete_snapshot(&self, name: &str) -> Result<(), Error> {
        self.delete_object(Bucket::Snapshots, name).await
    }
}
