//! Work on projections beside the live rows: what was asked for, and how far it is.

mod public;
mod store;

use maestro_domain::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::store::{Word, ask, begin, end_in, find, open, report, set_message};

/// What is done beside the live rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Builds the rows anew and puts them in the place of the live ones.
    Rebuild,
    /// Builds the rows anew and compares the live ones with them.
    Verify,
}

impl JobKind {
    /// Its text: `rebuild` or `verify`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Verify => "verify",
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No projector took it yet.
    Waiting,
    /// Commits become rows beside the live ones.
    Building,
    /// The rows get their indexes.
    Indexing,
    /// The last commits are applied, and the rows take the place of the live ones.
    Switching,
    /// The rows are compared with the live ones.
    Comparing,
    /// It is done.
    Done,
    /// It cannot be done.
    Failed,
    /// Somebody called it off.
    Canceled,
}

impl JobState {
    const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Building,
        Self::Indexing,
        Self::Switching,
        Self::Comparing,
        Self::Done,
        Self::Failed,
        Self::Canceled,
    ];

    /// Its text, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::Indexing => "indexing",
            Self::Switching => "switching",
            Self::Comparing => "comparing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more happens.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

/// The last job of a kind on a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The projection.
    pub projection: String,
    /// What is done.
    pub kind: JobKind,
    /// Which one of its kind: counts from 1.
    pub number: u64,
    /// How far it is.
    pub state: JobState,
    /// Version of the rows built; 0 until a projector took it.
    pub version: u32,
    /// Last commit applied beside the live rows.
    pub revision: u64,
    /// Last commit of the log when last looked at; for a verification the one compared at.
    pub target: u64,
    /// Commits per second at most.
    pub rate: Option<u32>,
    /// Whether somebody wants it to end.
    pub cancel: bool,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was taken.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed, or what is in its way.
    pub message: Option<String>,
    /// The first difference that a verification found.
    pub finding: Option<Finding>,
}

/// A place where live rows differ from what the log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The projection.
    pub projection: String,
    /// The table.
    pub table: String,
    /// The row's key, column by column.
    pub key: serde_json::Value,
    /// The first column that differs; `None` when a row is missing or too many.
    pub column: Option<String>,
    /// What stands in the live table; `None` where the row is missing, and for texts of the vault.
    pub live: Option<serde_json::Value>,
    /// What the log says; `None` where there is no such row, and for texts of the vault.
    pub rebuilt: Option<serde_json::Value>,
    /// Whether only texts of the vault differ, which change without the log: a person was renamed
    /// or erased since. A rebuild refreshes them.
    pub only_texts: bool,
    /// How many of the table's 256 ranges of keys differ.
    pub ranges: u32,
}

/// What became of a request for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is this job.
    New(Job),
    /// One of the same kind is under way.
    UnderWay(Job),
}
