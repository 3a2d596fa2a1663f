//! Where commits come from. The projector service implements it over the log.

use bytes::Bytes;
use futures::future::BoxFuture;

/// A commit as it is stored.
#[derive(Debug, Clone)]
pub struct StoredCommit {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Its bytes, as stored and hashed.
    pub bytes: Bytes,
}

/// The commits, in order.
pub trait CommitSource: Send + Sync {
    /// Sequence of the last stored commit, 0 when there is none.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] when the log does not answer.
    fn last(&self) -> BoxFuture<'_, Result<u64, SourceError>>;

    /// Reads from sequence `next` on.
    fn open(&self, next: u64) -> Box<dyn CommitReader>;
}

/// Reads the commits from a position on.
pub trait CommitReader: Send {
    /// The next commits: at least one and at most `max`. Waits until there is one; may be dropped
    /// while it waits without losing any.
    ///
    /// # Errors
    /// When commits are missing or the log does not answer.
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<StoredCommit>, SourceError>>;
}

/// Commits that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Commits are missing from the log.
    #[error("commits {expected} to {} are missing from the log", found.saturating_sub(1))]
    Gap {
        /// The sequence expected.
        expected: u64,
        /// The sequence found instead.
        found: u64,
    },
    /// The log ends before what was read of it.
    #[error("the log ends at commit {last}, before commit {expected} that is to be read next")]
    Behind {
        /// The sequence to be read next.
        expected: u64,
        /// The last sequence of the log.
        last: u64,
    },
    /// The log is not the one read so far: it was deleted and created again.
    #[error("the log is another one than was read so far")]
    Recreated,
    /// The log does not answer; trying again helps.
    #[error("the log does not answer: {0}")]
    Unavailable(String),
}
