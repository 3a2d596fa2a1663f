//! What runs an attempt. A backend knows how to start, end and watch it; claims, reports and LOGS
//! are not its business.

use std::{future::Future, io};

use bytes::Bytes;
use maestro_domain::{
    Name, Timestamp,
    report::{End, Execution, Place},
    run::{RunSpec, Start},
};
use tokio::sync::watch;

/// Something to execute; its claim was granted.
pub(crate) struct Task {
    pub(crate) start: Start,
    pub(crate) spec: RunSpec,
    /// Of the span that stands for the run.
    pub(crate) traceparent: Option<String>,
}

/// An attempt the backend knows, also from before a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) execution: Execution,
    pub(crate) pool: Name,
    pub(crate) traceparent: Option<String>,
}

/// What is seen of an attempt. It only moves on, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Created, but it does not run yet.
    Starting,
    /// It runs.
    Running {
        /// When it started.
        at: Timestamp,
        /// Where it runs.
        place: Place,
    },
    /// Nothing of it lives any more.
    Ended {
        /// How.
        end: End,
        /// When it had started; `None` when it never did.
        started_at: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// What the system, node or API server said about it.
        detail: Option<String>,
        /// Where it ran.
        place: Place,
    },
}

impl Observation {
    /// When it started, if it did.
    pub(crate) const fn started_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Starting => None,
            Self::Running { at, .. } => Some(at),
            Self::Ended { started_at, .. } => started_at,
        }
    }
    /// Where it runs or ran.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Starting => Place::default(),
            Self::Running { place, .. } | Self::Ended { place, .. } => place.clone(),
        }
    }
    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// Where output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdout,
    Stderr,
    /// A note of Maestro's own about the output.
    System,
}

/// A piece of output as the run wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) channel: Channel,
    pub(crate) bytes: Bytes,
}

/// The output of one attempt, always from its beginning.
pub(crate) trait Logs: Send {
    /// The next piece, in order per channel; waits for one. `None` when the attempt has ended and
    /// everything was read. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Output>>> + Send;
    /// From here on output is not wanted: it need not be kept, and `next` waits for the end only.
    fn discard(&mut self);
}

/// Whether what was claimed is still this executor's. Asked right before each creation.
pub(crate) type MayCreate<'a> = &'a (dyn Fn() -> bool + Sync);

/// Runs attempts. Everything may be repeated.
pub(crate) trait Backend: Send + Sync + 'static {
    type Logs: Logs;

    /// Executors of the same site can adopt each other's executions.
    fn site(&self) -> Name;
    /// Which kind of backend it is, in one word.
    fn kind(&self) -> &'static str;
    /// Attempts that are here and whose result was not collected. Those that live are adopted,
    /// those that died without a result are ended for good.
    fn recover(&self) -> impl Future<Output = io::Result<Vec<Attempt>>> + Send;
    /// Creates the attempt and starts it, unless it is here already.
    ///
    /// # Errors
    /// When it could not be created: nothing of it runs or will run. The text says why, in the words
    /// of whoever refused it. [`io::ErrorKind::Interrupted`] when it may not go on creating.
    fn ensure(
        &self,
        task: &Task,
        may_create: MayCreate<'_>,
    ) -> impl Future<Output = io::Result<Attempt>> + Send;
    /// Finds what runs for this run and attempt under whatever token, marks it with this one and
    /// follows it. `None` only when it is certain that there is nothing and will be nothing.
    ///
    /// # Errors
    /// When that cannot be found out, or it belongs to a newer token.
    fn adopt(
        &self,
        execution: Execution,
        pool: &Name,
    ) -> impl Future<Output = io::Result<Option<Attempt>>> + Send;
    /// Stops following an attempt and removes nothing: its lease moved.
    fn forget(&self, execution: Execution) -> impl Future<Output = ()> + Send;
    /// Asks an attempt to end. Returns when it is certain to happen, not when it has happened.
    fn cancel(&self, execution: Execution) -> impl Future<Output = io::Result<()>> + Send;
    /// Follows an attempt that is here; `None` when it is not.
    fn observe(&self, execution: Execution) -> Option<watch::Receiver<Observation>>;
    /// Opens its output, of which `shipped` bytes of stdout are in LOGS already. The second part are
    /// values that must not be shown.
    ///
    /// # Errors
    /// When it cannot be read.
    fn logs(
        &self,
        execution: Execution,
        shipped: u64,
    ) -> impl Future<Output = io::Result<(Self::Logs, Vec<String>)>> + Send;
    /// The result is stored elsewhere: the attempt may be removed after the retention.
    fn collect(
        &self,
        execution: Execution,
        now: Timestamp,
    ) -> impl Future<Output = io::Result<()>> + Send;
    /// Ends everything that runs, within five seconds; their attempts count as lost.
    fn end_all(&self) -> impl Future<Output = ()> + Send;
    /// Removes collected attempts past their retention; returns how many.
    fn sweep(&self, now: Timestamp) -> impl Future<Output = io::Result<usize>> + Send;
}
