//! Runs and their stories.

mod attempts;
mod convert;
mod list;
mod story;

pub use attempts::Attempt;

use maestro_domain::{
    DeliveryId, ExecutorId, ProjectId, Provider, RunId, Timestamp,
    report::Place,
    run::{Fault, Mode, Reason, Status},
};
use serde_json::Value;

use crate::{
    codec::column,
    error::Error,
    model::{ReadModel, bounded},
    projections::RunRow,
};

/// A run as the read model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its project.
    pub project_id: ProjectId,
    /// Slug of its project.
    pub project: String,
    /// Trigger that matched.
    pub trigger: String,
    /// Name of the run template in the stack.
    pub name: String,
    /// Its state.
    pub status: Status,
    /// Why it, or its last attempt, did not succeed.
    pub reason: Option<Reason>,
    /// The current attempt, from 1.
    pub attempt: u32,
    /// Exit code of the last attempt.
    pub exit_code: Option<i32>,
    /// Signal that ended the last attempt.
    pub signal: Option<i32>,
    /// Delivery that caused it.
    pub delivery: DeliveryId,
    /// Host of that delivery.
    pub provider: Provider,
    /// Event of that delivery.
    pub event: String,
    /// `owner/name`; `None` when the event has no repository or its name was erased.
    pub repository: Option<String>,
    /// Login of the sender; `None` when unknown or erased.
    pub sender: Option<String>,
    /// Number of the issue or pull request.
    pub number: Option<u64>,
    /// Pool it runs in.
    pub pool: String,
    /// Slot it holds, from 1.
    pub slot: Option<u32>,
    /// Executor that claimed the current attempt.
    pub executor: Option<ExecutorId>,
    /// Isolation wanted.
    pub mode: Mode,
    /// Longest it may run, in seconds.
    pub timeout_s: u64,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When the current attempt started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Bytes of output kept.
    pub log_bytes: u64,
    /// Whether somebody or a newer run asked it to end.
    pub cancel_requested: bool,
    /// Trace id (32 hex digits) shared by the webhook, the decisions and the process.
    pub trace_id: Option<String>,
    /// Revision of the log at its last change.
    pub revision: u64,
    /// Where the current attempt executes, or the last one did.
    pub place: Place,
    /// What the system said about the end of the last attempt; `None` when nothing, or erased.
    pub detail: Option<String>,
    /// The ended run that it repeats.
    pub retry_of: Option<RunId>,
}

impl Run {
    /// Whose fault a failure is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.reason.and_then(Reason::fault)
    }
}

/// Which runs are wanted. Every empty field means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Slug of the project.
    pub project: String,
    /// States.
    pub statuses: Vec<Status>,
    /// `owner/name`, in any case.
    pub repository: String,
    /// Name of the trigger.
    pub trigger: String,
    /// Id of the delivery.
    pub delivery: String,
}

/// One event of a run's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Revision of its commit.
    pub revision: u64,
    /// Its position in the commit.
    pub index: u32,
    /// When.
    pub at: Timestamp,
    /// Event type, for example `run.dispatched`.
    pub kind: String,
    /// One sentence a person reads.
    pub summary: String,
    /// The event's data.
    pub data: Value,
    /// Who caused it: a host, `clock`, an executor or a user.
    pub actor: String,
}

/// A run with its timeline, both of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStory {
    /// The run.
    pub run: Run,
    /// Its events, oldest first; at most the last 1,000.
    pub timeline: Vec<TimelineEntry>,
    /// Its attempts that were dispatched, oldest first.
    pub attempts: Vec<Attempt>,
    /// Runs that repeat it, newest first; at most 20.
    pub retries: Vec<RunId>,
    /// The read model holds the log up to here.
    pub revision: u64,
}

impl ReadModel {
    /// Those of the runs that exist, in no particular order and without their timelines: what a
    /// [`crate::ChangeSet`] names, in one query.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn get_runs(&self, ids: impl IntoIterator<Item = RunId>) -> Result<Vec<Run>, Error> {
        let ids = column(ids, RunId::uuid);
        let rows = sqlx::query_as!(RunRow, "select * from runs where id = any($1)", &ids);
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        rows.into_iter().map(Run::try_from).collect()
    }
}
