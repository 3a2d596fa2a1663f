//! Why following the log was interrupted.

use std::fmt::Write as _;

use crate::{error::ApplyError, names::NamesError, source::SourceError};

/// Why following the log was interrupted.
#[derive(Debug, Clone)]
pub(crate) enum Interrupt {
    /// Something does not answer: start again from the checkpoint after a pause.
    Retry(String),
    /// The checkpoint was not at `from`.
    Lost { from: u64 },
    /// The rows were replaced by others built beside them: go on from their checkpoint.
    Replaced,
    /// The rows are of an older version, as they were after commit `seq`.
    Outdated { seq: u64 },
    /// It cannot go on after commit `seq`.
    Stop { seq: u64, why: String },
}

impl Interrupt {
    pub(crate) fn stop(seq: u64, error: &dyn std::error::Error) -> Self {
        Self::Stop {
            seq,
            why: chain_of(error),
        }
    }

    pub(crate) fn source(error: SourceError, seq: u64) -> Self {
        match error {
            SourceError::Unavailable(_) => Self::Retry(error.to_string()),
            SourceError::Gap { .. } | SourceError::Behind { .. } | SourceError::Recreated => {
                Self::stop(seq, &error)
            }
        }
    }

    /// `error` while applying the commits behind `from`, of which the first is `first`.
    pub(crate) fn apply(error: &ApplyError, from: u64, first: u64) -> Self {
        if error.is_transient() {
            return Self::Retry(chain_of(error));
        }
        Self::Stop {
            seq: from,
            why: format!("commit {first} cannot be applied: {}", chain_of(error)),
        }
    }
}

/// Outside of a commit every failure of Postgres is worth another try.
impl From<sqlx::Error> for Interrupt {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(chain_of(&error))
    }
}

impl From<NamesError> for Interrupt {
    fn from(error: NamesError) -> Self {
        Self::Retry(error.to_string())
    }
}

/// An error with its sources, each once.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            let _ = write!(text, ": {inner_text}");
        }
        source = inner.source();
    }
    text
}
