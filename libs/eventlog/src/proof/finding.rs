//! What can be wrong with a copy of the log.

use std::fmt;

use maestro_domain::Digest;
use serde::Serialize;

/// A copy of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Copy {
    /// The stream EVENTS.
    Log,
    /// The table `journal` in Postgres.
    Journal,
    /// A file.
    Export,
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "EVENTS",
            Self::Journal => "the journal",
            Self::Export => "the export",
        })
    }
}

/// Something wrong, with its sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// Commits are not there.
    Missing {
        /// In which copy.
        copy: Copy,
        /// First one missing.
        from: u64,
        /// Last one missing.
        to: u64,
    },
    /// The bytes are not a commit.
    Malformed {
        /// In which copy.
        copy: Copy,
        /// Sequence.
        seq: u64,
    },
    /// The commit says that it has another number than its place.
    Number {
        /// In which copy.
        copy: Copy,
        /// Sequence.
        seq: u64,
        /// What the commit says.
        n: u64,
    },
    /// The bytes are not those that were written: the commit behind names another hash, or the
    /// hash that was recorded beside them is another one.
    Changed {
        /// In which copy.
        copy: Copy,
        /// Sequence.
        seq: u64,
        /// SHA-256 of the bytes.
        found: Digest,
        /// SHA-256 of the bytes that were written, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        written: Option<Digest>,
    },
    /// The message stands under a subject that is not the commit's.
    Subject {
        /// In which copy.
        copy: Copy,
        /// Sequence.
        seq: u64,
    },
    /// A signed checkpoint names another hash.
    Checkpoint {
        /// In which copy.
        copy: Copy,
        /// Sequence.
        seq: u64,
        /// SHA-256 of the bytes.
        found: Digest,
        /// What was signed.
        signed: Digest,
    },
    /// EVENTS and the journal hold different bytes.
    Differs {
        /// First one.
        from: u64,
        /// Last one.
        to: u64,
    },
}

impl Finding {
    /// The first sequence it is about.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Missing { from, .. } | Self::Differs { from, .. } => *from,
            Self::Malformed { seq, .. }
            | Self::Number { seq, .. }
            | Self::Changed { seq, .. }
            | Self::Subject { seq, .. }
            | Self::Checkpoint { seq, .. } => *seq,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { copy, from, to } if from == to => {
                write!(f, "commit {from} is missing from {copy}")
            }
            Self::Missing { copy, from, to } => {
                write!(f, "commits {from} to {to} are missing from {copy}")
            }
            Self::Malformed { copy, seq } => {
                write!(f, "what {copy} holds at {seq} is not a commit")
            }
            Self::Number { copy, seq, n } => {
                write!(
                    f,
                    "the commit at {seq} in {copy} says that it is number {n}"
                )
            }
            Self::Changed { copy, seq, .. } => {
                write!(f, "commit {seq} in {copy} is not the one that was written")
            }
            Self::Subject { copy, seq } => {
                write!(
                    f,
                    "commit {seq} in {copy} stands under another subject than its own"
                )
            }
            Self::Checkpoint { copy, seq, .. } => {
                write!(
                    f,
                    "commit {seq} in {copy} is not the one that a checkpoint signed"
                )
            }
            Self::Differs { from, to } if from == to => {
                write!(f, "EVENTS and the journal hold different commits {from}")
            }
            Self::Differs { from, to } => {
                write!(
                    f,
                    "EVENTS and the journal hold different commits {from} to {to}"
                )
            }
        }
    }
}
