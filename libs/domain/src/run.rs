//! What a run executes and how it can fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{DeliveryId, ProjectId, RunId},
    name::Name,
    placement::Placement,
    report::Execution,
    sealed::Sealed,
};

/// What is executed, fully rendered. Kept in the vault; the log holds a [`Sealed`] reference.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Container image; ignored by the process backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment variables of the run's own.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Text for an agent; the run finds it in the file named by `MAESTRO_PROMPT_FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// `owner/name`, for the run's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Longest it may run, in seconds.
    pub timeout_s: u64,
    /// Isolation wanted.
    pub mode: Mode,
    /// What a cluster has to know; ignored by the process backend.
    #[serde(default, skip_serializing_if = "Placement::is_default")]
    pub placement: Placement,
}

impl std::fmt::Debug for RunSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunSpec")
            .field("timeout_s", &self.timeout_s)
            .finish_non_exhaustive()
    }
}

/// Isolation of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A namespace of its own.
    FullEnv,
    /// None beyond the process or pod.
    #[default]
    CodeOnly,
}

/// One message of RUN_COMMANDS, on `<pool>.start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum RunCommand {
    /// Claim, then start.
    Start(Start),
}

impl RunCommand {
    /// The pool whose executors should act.
    #[must_use]
    pub const fn pool(&self) -> &Name {
        match self {
            Self::Start(start) => &start.pool,
        }
    }
    /// The attempt it is about.
    #[must_use]
    pub const fn execution(&self) -> Execution {
        match self {
            Self::Start(start) => start.execution,
        }
    }
    /// Last token of its subject.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
        }
    }
}

/// What an executor needs to start an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Which attempt.
    #[serde(flatten)]
    pub execution: Execution,
    /// Where the [`RunSpec`] is.
    pub spec: Sealed,
    /// The project.
    pub project: ProjectId,
    /// Slug of the project.
    pub slug: Name,
    /// The pool.
    pub pool: Name,
    /// Trigger that matched.
    pub trigger: Name,
    /// Delivery that caused the run.
    pub delivery: DeliveryId,
    /// Event of that delivery.
    pub event: String,
    /// W3C trace context of the run's request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a slot.
    Pending,
    /// Holds a slot; its start was asked for.
    Dispatched,
    /// Executes.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended on request.
    Canceled,
}

/// Why a run or an attempt did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The process ended with a code other than 0.
    ExitCode,
    /// A signal from outside Maestro ended the process.
    Signaled,
    /// Out of memory.
    OomKilled,
    /// The run's timeout passed.
    DeadlineExceeded,
    /// The cluster evicted it.
    Evicted,
    /// Something more important took its place in the cluster.
    Preempted,
    /// Its node went away.
    NodeLost,
    /// Its image could not be pulled.
    ImagePull,
    /// No node took it in time.
    Unschedulable,
    /// It could not be started at all.
    LaunchRejected,
    /// Its Job or process is gone without a result.
    JobMissing,
    /// Its executor went silent.
    ExecutorLost,
    /// A command ended it.
    Canceled,
    /// A newer run of its concurrency group replaced it.
    Superseded,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The run itself.
    User,
    /// What runs it; such attempts are retried.
    Infrastructure,
}

impl Reason {
    /// Whose fault it is; `None` where somebody wanted the end.
    #[must_use]
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::ExitCode | Self::Signaled | Self::OomKilled | Self::DeadlineExceeded => {
                Some(Fault::User)
            }
            Self::Evicted
            | Self::Preempted
            | Self::NodeLost
            | Self::ImagePull
            | Self::Unschedulable
            | Self::LaunchRejected
            | Self::JobMissing
            | Self::ExecutorLost => Some(Fault::Infrastructure),
            Self::Canceled | Self::Superseded => None,
        }
    }
    /// The name used in events and interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCode => "exit_code",
            Self::Signaled => "signaled",
            Self::OomKilled => "oom_killed",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Evicted => "evicted",
            Self::Preempted => "preempted",
            Self::NodeLost => "node_lost",
            Self::ImagePull => "image_pull",
            Self::Unschedulable => "unschedulable",
            Self::LaunchRejected => "launch_rejected",
            Self::JobMissing => "job_missing",
            Self::ExecutorLost => "executor_lost",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
        }
    }
}

/// Identifies one attempt in paths and subjects: `<run>.<attempt>`.
#[must_use]
pub fn attempt_token(run: RunId, attempt: u32) -> String {
    format!("{run}.{attempt}")
}
