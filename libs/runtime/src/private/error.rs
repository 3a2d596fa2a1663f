//! What can go wrong with a private server, each with what to do next.

use std::{io, path::PathBuf};

/// Why a private server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binary was found.
    #[error("{program} was not found: run bootstrap/up to install it, or set {variable}")]
    Missing {
        /// The program looked for.
        program: &'static str,
        /// The environment variable that names it.
        variable: &'static str,
    },
    /// The binary found is older than Maestro needs.
    #[error(
        "{path} is version {found} and Maestro needs {needed} or newer: run bootstrap/up, or set {variable}"
    )]
    TooOld {
        /// The binary found.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest version that works.
        needed: &'static str,
        /// The environment variable that names another.
        variable: &'static str,
    },
    /// A program could not be executed.
    #[error("{path} cannot be executed: check the file and its permissions")]
    Spawn {
        /// The program.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The folder cannot be written.
    #[error("{dir} cannot be written: choose another folder with --data")]
    Unwritable {
        /// The folder or file.
        dir: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file in the folder is not what Maestro wrote.
    #[error("{path} is damaged: restore it, or choose another folder with --data")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The disk is full.
    #[error(
        "no space is left on the disk of {dir}: free some, or choose another folder with --data"
    )]
    DiskFull {
        /// The folder.
        dir: PathBuf,
    },
    /// The account that Postgres runs under cannot reach its folder.
    #[error(
        "{dir} cannot be reached by the user {user}, under which Postgres runs when Maestro is started by root: choose another folder with --data"
    )]
    Unreachable {
        /// The folder.
        dir: PathBuf,
        /// The account's name.
        user: String,
    },
    /// Root started Maestro and there is no other account to run Postgres under.
    #[error("Postgres refuses to run as root and there is no user postgres or nobody: create one")]
    NoAccount,
    /// Another program holds the port.
    #[error("port {port} of 127.0.0.1 is used by another program: stop it and start again")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The server ended before it was ready.
    #[error("{program} ended at once ({status}): {said}; its log is {log}")]
    Ended {
        /// The program.
        program: &'static str,
        /// Exit status or signal.
        status: String,
        /// The last line that it logged.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// The server runs and does not answer.
    #[error("{program} does not answer after {seconds} s; its log is {log}")]
    NotReady {
        /// The program.
        program: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A process cannot be stopped.
    #[error("{program} with process id {pid} does not stop: end it and start again")]
    DoesNotStop {
        /// The program.
        program: &'static str,
        /// Its process id.
        pid: u32,
    },
    /// A tool of the server failed.
    #[error("{program} failed ({status}): {said}")]
    Tool {
        /// The program.
        program: String,
        /// Exit status or signal.
        status: String,
        /// The last line that it wrote.
        said: String,
    },
    /// The thread that looks after the server ended unexpectedly.
    #[error("the keeper of {program} ended unexpectedly: start again")]
    KeeperGone {
        /// The program.
        program: &'static str,
    },
}

impl Error {
    /// Sorts a failed file operation under `dir` into full disk or unwritable folder.
    pub(crate) fn writing(dir: impl Into<PathBuf>, source: io::Error) -> Self {
        let dir = dir.into();
        if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            Self::DiskFull { dir }
        } else {
            Self::Unwritable { dir, source }
        }
    }
}
