//! What a read model has to say about itself.

use std::{collections::BTreeSet, sync::Arc};

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
    pub commits: Arc<[Projected]>,
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

/// A table that a projection writes, and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name, without a schema.
    pub name: &'static str,
    /// Whether rows are only ever added, so that its key is not needed before all are there.
    pub append_only: bool,
    /// Columns with texts of the vault, which may change or be erased after they were projected.
    pub texts: &'static [&'static str],
}

impl Table {
    /// A table whose rows change, without texts of the vault.
    #[must_use]
    pub const fn keyed(name: &'static str) -> Self {
        Self {
            name,
            append_only: false,
            texts: &[],
        }
    }

    /// The same table with texts of the vault in `columns`.
    #[must_use]
    pub const fn with_texts(mut self, columns: &'static [&'static str]) -> Self {
        self.texts = columns;
        self
    }

    /// The same table, to which rows are only ever added.
    #[must_use]
    pub const fn append_only(mut self) -> Self {
        self.append_only = true;
        self
    }
}

/// Turns commits into rows. Applying one batch of many or many of one gives the same rows.
pub trait Projection: Send + Sync {
    /// Its name: in checkpoints, metrics and the command line.
    fn name(&self) -> &'static str;

    /// Version of what it writes. A higher one is built from the first commit beside the rows of
    /// the lower one, and then takes their place.
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

    /// The tables it writes. Its statements name them without a schema: the same code fills the
    /// live tables and those built beside them.
    fn tables(&self) -> &'static [Table];

    /// Whether its rows are a copy that others are compared with. They are never replaced: what is
    /// missing is added, and a difference is refused.
    fn is_evidence(&self) -> bool {
        false
    }
}
