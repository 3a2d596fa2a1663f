//! What every executor backend must do, as scenarios over a small interface that the backend's
//! tests implement.

mod basics;
mod ends;
mod faults;
mod losses;
mod output;
mod scenario;
mod survival;
mod work;

use std::{path::PathBuf, time::Duration};

pub use self::{
    scenario::{Need, Scenario},
    work::Work,
};
use crate::kubernetes::Kubernetes;

/// How long a scenario waits for anything.
pub const SOON: Duration = Duration::from_secs(60);

/// How an execution ended, as its executor reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited(i32),
    /// By a signal that nobody sent on purpose.
    Signaled(i32),
    /// It needed too much memory.
    OomKilled,
    /// At the deadline of the run.
    DeadlineExceeded,
    /// By a cancel.
    Canceled,
    /// Its node needed the room.
    Evicted,
    /// Something more important took its place.
    Preempted,
    /// With its node.
    NodeLost,
    /// Its image cannot be had.
    ImagePull,
    /// No node takes it.
    Unschedulable,
    /// It could not be created or started.
    LaunchRejected,
    /// Nobody knows.
    Lost,
}

/// What was kept of an execution's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output; of backends that do not tell them apart, both.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Remarks of Maestro's.
    pub system: Vec<u8>,
}

/// Where scenarios are performed: a conductor that grants every claim, and executors of one
/// backend. Each method panics when it takes longer than [`SOON`].
#[allow(async_fn_in_trait, reason = "the tests await on one thread")]
pub trait Laboratory {
    /// An execution that was asked for.
    type Run: Clone;
    /// An executor at work, a process of its own.
    type Executor;

    /// Starts an executor, or starts it again after it ended: it has the data folder of the one
    /// before it.
    async fn executor(&self) -> Self::Executor;
    /// Starts an executor that can continue the work of `executor` when that is stopped.
    async fn standby(&self) -> Self::Executor;
    /// Kills an executor with SIGKILL; returns when it is gone.
    async fn kill(&self, executor: Self::Executor);
    /// Stops an executor with SIGTERM; returns when it is gone.
    async fn stop(&self, executor: Self::Executor);

    /// Asks for an execution, as the conductor does.
    async fn submit(&self, work: Work) -> Self::Run;
    /// Asks for the same execution again.
    async fn submit_again(&self, run: &Self::Run);
    /// From now on claims are refused, or granted again.
    fn refuse_claims(&self, refuse: bool);
    /// Waits until every start was taken and acknowledged.
    async fn taken(&self);
    /// Demands the end of an execution, again and again until it is reported.
    async fn cancel(&self, run: &Self::Run);

    /// Waits until the start is reported.
    async fn started(&self, run: &Self::Run);
    /// Waits until the end is reported.
    async fn ended(&self, run: &Self::Run) -> Ended;
    /// All ends that were reported, in order.
    fn ends(&self, run: &Self::Run) -> Vec<Ended>;
    /// Whether a start was reported.
    fn has_started(&self, run: &Self::Run) -> bool;
    /// Waits until this stands in what was kept of the output so far.
    async fn shows(&self, run: &Self::Run, text: &str);
    /// All output of an execution whose end was reported. Panics when pieces are missing or
    /// repeated.
    async fn output(&self, run: &Self::Run) -> Output;

    /// Most bytes of output that are kept of an execution.
    fn log_cap(&self) -> u64;
    /// A folder that the executions see under the same path; `None` when there is no such thing.
    fn folder(&self) -> Option<PathBuf>;
    /// The cluster, to steer it; `None` for other backends and for real clusters.
    fn cluster(&self) -> Option<&Kubernetes>;
    /// Path in the API of an execution's Job, when there is a [`Laboratory::cluster`].
    fn job(&self, run: &Self::Run) -> String;
}
