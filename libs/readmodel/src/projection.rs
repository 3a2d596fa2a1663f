//! What a read model has to say about itself.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::BoxFuture;
use maestro_domain::{Commit, Digest, Event, VaultKey};
use sqlx::PgConnection;

use crate::{changes::ChangedKeys, error::ApplyError, names::Texts};

/// A commit, verified to follow the one before.
#[derive(Debug, Clone)]
pub struct Projected {
    /// The commit.
    pub commit: Commit,
    /// Its sequence, equal to its number.
    pub seq: u64,
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// Its bytes as stored.
    pub bytes: Bytes,
}

/// Commits to apply, in order, and the texts they refer to.
#[derive(Debug, Default)]
pub struct Batch {
    /// The commits; never empty when applied.
    pub commits: Vec<Projected>,
    /// What [`Projection::texts`] asked for, as far as the vault has it.
    pub texts: Texts,
}

impl Batch {
    /// Every event with its commit and its position there.
    pub fn events(&self) -> impl Iterator<Item = (&Projected, u32, &Event)> {
        self.commits.iter().flat_map(|projected| {
            (0u32..)
                .zip(projected.commit.events())
                .map(move |(index, event)| (projected, index, event))
        })
    }
}

/// Turns commits into rows. Applying one batch of many or many of one gives the same rows.
pub trait Projection: Send + Sync {
    /// Its name: in checkpoints, metrics and the command line.
    fn name(&self) -> &'static str;

    /// Version of what it writes. A higher one is built again from the first commit.
    fn version(&self) -> i32;

    /// Adds what `event` needs from the vault to `keys`.
    fn texts(&self, event: &Event, keys: &mut BTreeSet<VaultKey>) {
        let _ = (event, keys);
    }

    /// Writes the rows of `batch` in the transaction of `db`; the runner moves the checkpoint in
    /// the same one. Returns what changed.
    fn apply<'a>(
        &'a self,
        db: &'a mut PgConnection,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<ChangedKeys, ApplyError>>;

    /// Removes its rows, so that it can be built again.
    fn reset<'a>(&'a self, db: &'a mut PgConnection) -> BoxFuture<'a, Result<(), sqlx::Error>>;
}
