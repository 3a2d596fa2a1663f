//! One container: a child process in a process group of its own.

use std::{
    collections::BTreeMap, os::unix::process::ExitStatusExt as _, path::PathBuf, process::Stdio,
    sync::Arc, time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use super::logs::{ContainerLog, Pending};
use crate::kubernetes::clock::Clock;

/// How long output may come after the last process of the group was killed.
const DRAIN: Duration = Duration::from_secs(2);

/// What to run.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) program: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) folder: PathBuf,
}

/// How a container ended.
#[derive(Debug, Clone)]
pub(super) struct Exit {
    pub(super) code: i32,
    pub(super) started: i128,
    pub(super) finished: i128,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub(super) reason: &'static str,
    pub(super) message: Option<String>,
}

/// A container that runs.
pub(super) struct Running {
    pub(super) name: String,
    pub(super) pid: i32,
    pub(super) started: i128,
    child: Child,
    pumps: Vec<JoinHandle<()>>,
    log: Arc<ContainerLog>,
}

/// Starts a container.
///
/// # Errors
/// The exit of a container that cannot be started.
pub(super) fn start(plan: &Plan, log: &Arc<ContainerLog>, clock: Clock) -> Result<Running, Exit> {
    let started = clock.nanos();
    let Some((program, arguments)) = plan.program.split_first() else {
        return Err(refused(clock, "no command specified"));
    };
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&plan.variables)
        .current_dir(&plan.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound if program.contains('/') => {
                format!("stat {program}: no such file or directory")
            }
            std::io::ErrorKind::NotFound => "executable file not found in $PATH".to_owned(),
            _ => error.to_string(),
        };
        refused(clock, &format!("exec: {program:?}: {why}"))
    })?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .unwrap_or_default();
    let stdout = child
        .stdout
        .take()
        .map(|out| tokio::spawn(pump(out, Arc::clone(log), clock)));
    let stderr = child
        .stderr
        .take()
        .map(|out| tokio::spawn(pump(out, Arc::clone(log), clock)));
    Ok(Running {
        name: plan.name.clone(),
        pid,
        started,
        child,
        pumps: stdout.into_iter().chain(stderr).collect(),
        log: Arc::clone(log),
    })
}

fn refused(clock: Clock, why: &str) -> Exit {
    let now = clock.nanos();
    Exit {
        code: 128,
        started: 0,
        finished: now,
        reason: "StartError",
        message: Some(format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: {why}: unknown"
        )),
    }
}

async fn pump(mut stream: impl AsyncRead + Unpin, log: Arc<ContainerLog>, clock: Clock) {
    let mut pending = Pending::new();
    let now = || clock.nanos();
    loop {
        pending.bytes.reserve(64 * 1024);
        match stream.read_buf(&mut pending.bytes).await {
            Ok(0) | Err(_) => break,
            Ok(_) => log.append(&mut pending, &now),
        }
    }
    log.flush(&mut pending, clock.nanos());
}

impl Running {
    /// Waits for its main process; the others of the group are killed then. Cancel-safe until the
    /// main process has ended.
    pub(super) async fn ended(&mut self, clock: Clock) -> Exit {
        let status = self.child.wait().await;
        let finished = clock.nanos();
        kill_all(self.pid);
        for pump in &mut self.pumps {
            if timeout(DRAIN, &mut *pump).await.is_err() {
                pump.abort();
            }
        }
        self.log.complete();
        let code = status.map_or(255, |status| {
            status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(127))
        });
        Exit {
            code,
            started: self.started,
            finished,
            reason: if code == 0 { "Completed" } else { "Error" },
            message: None,
        }
    }
}

/// Asks a main process to end, as a container runtime does; its children are not told.
pub(super) fn terminate(pid: i32) {
    if pid > 0 {
        // One that is gone is as wanted.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Kills a whole group.
pub(crate) fn kill_all(pid: i32) {
    if pid > 0 {
        // One that is gone is as wanted.
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
