//! What staff and the command line ask for.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    event::RunRequested,
    ids::{CommandKey, ProjectId, RepositoryRef, RunId, UserId},
    name::Name,
    sealed::Sealed,
};

/// One message of COMMANDS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandMessage {
    /// The same key always has the same outcome (remembered for 24 hours).
    pub key: CommandKey,
    /// Who asks.
    pub actor: Actor,
    /// Why. Sealed into the vault by the conductor; the log gets its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// Who caused a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A member of staff.
    Human(UserId),
    /// A source host, by name.
    Host(crate::ids::Provider),
    /// An executor.
    Executor(crate::ids::ExecutorId),
    /// A part of Maestro itself, such as `clock` or `bootstrap`.
    System(Name),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Human(id) => id.fmt(f),
            Self::Host(provider) => provider.fmt(f),
            Self::Executor(id) => id.fmt(f),
            Self::System(name) => name.fmt(f),
        }
    }
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Command {
    /// Creates a project.
    #[serde(rename = "project.create")]
    CreateProject {
        /// Chosen by the caller.
        project: ProjectId,
        /// Unique name in URLs and subjects.
        slug: Name,
    },
    /// Sets a project's default stack; its text is already in the vault.
    #[serde(rename = "project.set_stack")]
    SetStack {
        /// The project.
        project: ProjectId,
        /// SHA-256 of the document.
        digest: Digest,
        /// Where its text is.
        document: Sealed,
    },
    /// Creates a pool or changes its size.
    #[serde(rename = "pool.resize")]
    ResizePool {
        /// The project.
        project: ProjectId,
        /// The pool.
        pool: Name,
        /// Slots wanted, 0 to 10,000.
        size: u32,
    },
    /// Lets nothing of a pool start until it is resumed; what runs goes on.
    #[serde(rename = "pool.pause")]
    PausePool {
        /// The project.
        project: ProjectId,
        /// The pool.
        pool: Name,
    },
    /// Lets a paused pool go on.
    #[serde(rename = "pool.resume")]
    ResumePool {
        /// The project.
        project: ProjectId,
        /// The pool.
        pool: Name,
    },
    /// Repeats a run that has ended, as a new run.
    #[serde(rename = "run.retry")]
    RetryRun {
        /// The request of the ended run, as the log has it: the core has forgotten it.
        request: Box<RunRequested>,
        /// Id of the new run, chosen by the caller.
        run: RunId,
    },
    /// Puts a repository into a project.
    #[serde(rename = "repository.attach")]
    AttachRepository {
        /// The project.
        project: ProjectId,
        /// The repository.
        repository: RepositoryRef,
    },
    /// Asks a run to end.
    #[serde(rename = "run.cancel")]
    CancelRun {
        /// The run.
        run: RunId,
    },
}

impl Command {
    /// Area and verb: the last two tokens of its subject in COMMANDS.
    #[must_use]
    pub const fn subject(&self) -> (&'static str, &'static str) {
        match self {
            Self::CreateProject { .. } => ("project", "create"),
            Self::SetStack { .. } => ("project", "set_stack"),
            Self::ResizePool { .. } => ("pool", "resize"),
            Self::PausePool { .. } => ("pool", "pause"),
            Self::ResumePool { .. } => ("pool", "resume"),
            Self::RetryRun { .. } => ("run", "retry"),
            Self::AttachRepository { .. } => ("repository", "attach"),
            Self::CancelRun { .. } => ("run", "cancel"),
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Revision (sequence in EVENTS) of the commit that decided it.
    pub revision: u64,
    /// Why it was refused; `None` when it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// No such project.
    #[error("there is no such project")]
    ProjectUnknown,
    /// No such run, or it ended and was forgotten by the core.
    #[error("there is no live run with this id")]
    RunUnknown,
    /// The run has ended.
    #[error("the run has already ended")]
    RunEnded,
    /// It was asked to end before.
    #[error("the run was already asked to end")]
    CancelPending,
    /// The project exists under another slug.
    #[error("the project exists under another slug")]
    ProjectExists,
    /// The slug belongs to another project.
    #[error("the slug belongs to another project")]
    SlugTaken,
    /// The repository belongs to another project.
    #[error("the repository is attached to another project")]
    RepositoryTaken,
    /// No such pool.
    #[error("the project has no such pool")]
    PoolUnknown,
    /// The pool is paused already.
    #[error("the pool is already paused")]
    PoolPaused,
    /// The pool is not paused.
    #[error("the pool is not paused")]
    PoolNotPaused,
    /// Only an ended run can be repeated.
    #[error("the run has not ended; cancel it first")]
    RunLive,
    /// The id of the new run is taken.
    #[error("a run with this id exists already")]
    RunExists,
    /// More slots than allowed.
    #[error("a pool has at most 10,000 slots")]
    PoolTooLarge,
}
