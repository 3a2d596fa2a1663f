//! Why a leadership ended.

use maestro_domain::{commit::CommitError, core::ChainError};
use maestro_eventlog::{AppendError, ReadError};

/// Why a leadership ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker did not answer.
    #[error("the event log is not available")]
    Log(#[from] maestro_eventlog::Error),
    /// EVENTS could not be read.
    #[error("the event log cannot be read to its end")]
    Scan(#[from] maestro_eventlog::ScanError),
    /// The vault did not answer, or refused.
    #[error("the vault failed")]
    Vault(#[from] maestro_eventlog::VaultError),
    /// Reading an input stream failed.
    #[error("reading {stream} failed")]
    Read {
        /// The stream.
        stream: &'static str,
        /// Why.
        source: ReadError,
    },
    /// A commit was not stored.
    #[error("appending commit {n} failed")]
    Append {
        /// Its number.
        n: u64,
        /// Why.
        source: AppendError,
    },
    /// Another conductor holds or took the lease.
    #[error("the lease is lost")]
    LeaseLost,
    /// The core failed on an input; it will be parked.
    #[error("the core failed on {stream} {seq}")]
    Panicked {
        /// Input stream.
        stream: &'static str,
        /// Sequence there.
        seq: u64,
    },
    /// A stored commit cannot be read.
    #[error("EVENTS holds at sequence {seq} something that is not a commit of this build")]
    Undecodable {
        /// Sequence in EVENTS.
        seq: u64,
        /// Why.
        source: CommitError,
    },
    /// The log is damaged.
    #[error("EVENTS is damaged at sequence {seq}; run `maestro log verify`")]
    Chain {
        /// Sequence in EVENTS.
        seq: u64,
        /// How.
        source: ChainError,
    },
    /// Commits are missing.
    #[error("EVENTS lacks sequences {from} to {to}; run `maestro log verify`")]
    Gap {
        /// First one missing.
        from: u64,
        /// Last one missing.
        to: u64,
    },
    /// The log does not hold what a checkpoint signed.
    #[error("EVENTS does not hold commit {n} as it was signed; run `maestro log verify`")]
    NotAsSigned {
        /// The commit.
        n: u64,
    },
    /// The keys of checkpoints cannot be had.
    #[error("checkpoints cannot be verified")]
    Keys(#[from] maestro_eventlog::CheckpointKeysError),
    /// An input stream is not the one that was read before.
    #[error(
        "{stream} was recreated: the log has dealt with incarnation {expected}, the broker has \
         {found}; restore the stream or import it"
    )]
    Incarnation {
        /// The stream.
        stream: &'static str,
        /// The cursor's.
        expected: String,
        /// The broker's.
        found: String,
    },
    /// An input stream ends before the position that was dealt with.
    #[error("{stream} ends at {last}, but the log has dealt with {cursor}; restore the stream")]
    CursorAhead {
        /// The stream.
        stream: &'static str,
        /// Position in the log.
        cursor: u64,
        /// Last sequence at the broker.
        last: u64,
    },
}

impl Error {
    /// Whether only a person can mend it.
    pub(crate) const fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Chain { .. }
                | Self::Gap { .. }
                | Self::NotAsSigned { .. }
                | Self::Undecodable { .. }
                | Self::Incarnation { .. }
                | Self::CursorAhead { .. }
        )
    }
}
