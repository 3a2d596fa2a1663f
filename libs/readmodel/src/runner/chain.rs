//! Verifies that a commit follows the one before.

use maestro_domain::{Commit, Digest, commit::CommitError};

use crate::{checkpoint::Checkpoint, projection::Projected, source::StoredCommit};

/// A commit that does not follow the one before. Every message names the sequence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("expected commit {expected} and found sequence {found}: the log has a gap")]
    Sequence { expected: u64, found: u64 },
    #[error("the message of sequence {seq} is not a commit")]
    Malformed { seq: u64, source: CommitError },
    #[error("the commit of sequence {seq} says that it is number {n}")]
    Number { seq: u64, n: u64 },
    #[error(
        "the chain breaks at commit {seq}: it follows a commit with hash {named}, but the commit \
         before it has hash {before}"
    )]
    Chain {
        seq: u64,
        named: Digest,
        before: Digest,
    },
    #[error(
        "commit {seq} is not the one that was projected: its hash is {found}, the checkpoint says \
         {projected}"
    )]
    Replaced {
        seq: u64,
        found: Digest,
        projected: Digest,
    },
}

/// The end of what was verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
}

impl Tip {
    /// Behind `commit`.
    pub(crate) const fn at(commit: &Projected) -> Self {
        Self {
            seq: commit.seq,
            hash: commit.hash,
        }
    }

    /// Decodes `stored` if it follows, and moves on to it.
    pub(crate) fn link(&mut self, stored: StoredCommit) -> Result<Projected, Broken> {
        let StoredCommit { seq, bytes } = stored;
        let expected = self.seq + 1;
        if seq != expected {
            return Err(Broken::Sequence {
                expected,
                found: seq,
            });
        }
        let commit = Commit::decode(&bytes).map_err(|source| Broken::Malformed { seq, source })?;
        if commit.n != seq {
            return Err(Broken::Number { seq, n: commit.n });
        }
        if commit.prev != self.hash {
            return Err(Broken::Chain {
                seq,
                named: commit.prev,
                before: self.hash,
            });
        }
        let hash = Digest::of(&bytes);
        *self = Self { seq, hash };
        Ok(Projected {
            commit,
            seq,
            hash,
            bytes,
        })
    }

    /// Verifies that `stored` is the commit this tip stands on.
    pub(crate) fn confirm(&self, stored: &StoredCommit) -> Result<(), Broken> {
        if stored.seq != self.seq {
            return Err(Broken::Sequence {
                expected: self.seq,
                found: stored.seq,
            });
        }
        let found = Digest::of(&stored.bytes);
        if found != self.hash {
            return Err(Broken::Replaced {
                seq: self.seq,
                found,
                projected: self.hash,
            });
        }
        Ok(())
    }
}

impl From<&Checkpoint> for Tip {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            seq: checkpoint.seq,
            hash: checkpoint.hash,
        }
    }
}
