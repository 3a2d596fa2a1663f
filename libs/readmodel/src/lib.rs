//! Postgres read models: projections, checkpoints, queries. The only crate that knows sqlx.
//!
//! A [`Projection`] turns commits into rows. A [`Runner`] reads the commits in order from the
//! projection's own checkpoint, verifies that none is missing and that each names the one before,
//! and writes rows and checkpoint in one transaction. A [`Rebuilder`] builds rows beside the live
//! ones and puts them in their place, or compares the two. [`ReadModel`] answers queries and tells who
//! waits or watches what has changed.

mod changes;
mod checkpoint;
mod codec;
mod error;
mod jobs;
mod listener;
mod model;
mod names;
mod page;
mod projection;
pub mod projections;
mod query;
mod rebuild;
mod runner;
mod source;

pub use changes::{ChangeSet, ChangedKeys, Changes, DeliveryKey};
pub use error::{ApplyError, Error};
pub use jobs::{Asked, Finding, Job, JobKind, JobState};
pub use model::ReadModel;
pub use names::{Names, NamesError, Texts};
pub use page::{MAX_PAGE_SIZE, Page, PageRequest};
pub use projection::{Batch, Projected, Projection, Table};
pub use query::{
    Attempt, Delivery, DeliveryFilter, Executor, JournalEntry, Outcome, ProjectionStatus,
    QueuedRun, Run, RunFilter, RunStory, Slot, SlotPool, SlotState, TimelineEntry,
};
pub use rebuild::Rebuilder;
pub use runner::{Halt, Health, Progress, Runner};
pub use source::{CommitReader, CommitSource, SourceError, StoredCommit};
