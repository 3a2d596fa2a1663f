//! Keeps one child process alive.
//!
//! Each server has a thread of its own that starts it, waits for it and starts it again. The
//! thread lives as long as the server is wanted, so the kernel's parent-death signal (which
//! follows the parent *thread*) arrives only when this whole process is gone.

use std::{
    process::{Child, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};
use tokio::{sync::watch, time::timeout};

use super::{Error, launch::Launch};
use crate::clock::{block_thread, monotonic};

const READY_WITHIN: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_millis(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// Where a kept process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was started and does not answer yet, or is about to be started again.
    Starting,
    /// It answers.
    Ready {
        /// Its process id.
        pid: u32,
    },
    /// It ended and is not started again.
    Stopped,
}

#[derive(Debug, Default)]
struct Process {
    pid: Option<Pid>,
    unwanted: bool,
}

/// The handle of a kept process; when dropped the process is told to stop.
#[derive(Debug)]
pub(super) struct Keeper {
    process: Arc<Mutex<Process>>,
    state: watch::Receiver<State>,
    wake: Sender<()>,
    launch: Arc<Launch>,
}

impl Keeper {
    /// Starts the process and returns once it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not answer in time; it is then not running.
    pub(super) async fn start(launch: Launch) -> Result<Self, Error> {
        let launch = Arc::new(launch);
        let process = Arc::new(Mutex::new(Process::default()));
        let (states, state) = watch::channel(State::Starting);
        let (wake, woken) = mpsc::channel();
        let (first, outcome) = tokio::sync::oneshot::channel();
        let worker = Worker {
            launch: launch.clone(),
            process: process.clone(),
            states,
            woken,
        };
        thread::Builder::new()
            .name(format!("{} keeper", launch.name))
            .spawn(move || worker.run(first))
            .map_err(|source| Error::Spawn {
                path: launch.program.clone(),
                source,
            })?;
        let keeper = Self {
            process,
            state,
            wake,
            launch,
        };
        match outcome.await {
            Ok(outcome) => outcome.map(|()| keeper),
            Err(_) => Err(Error::KeeperGone {
                program: keeper.launch.name,
            }),
        }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    pub(super) fn pid(&self) -> Option<u32> {
        lock(&self.process)
            .pid
            .and_then(|pid| u32::try_from(pid.as_raw()).ok())
    }

    /// Asks the process to end, and kills it when it does not within the launch's grace.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        self.end(self.launch.stop_signal);
        if timeout(self.launch.grace, self.stopped()).await.is_err() {
            tracing::warn!(
                server = self.launch.name,
                "does not stop when asked, killing it"
            );
            return self.kill().await;
        }
        Ok(())
    }

    /// Kills the process and returns once it is gone.
    pub(super) async fn kill(mut self) -> Result<(), Error> {
        self.end(Signal::SIGKILL);
        timeout(KILLED_WITHIN, self.stopped())
            .await
            .map_err(|_| Error::DoesNotStop {
                program: self.launch.name,
                pid: self.pid().unwrap_or_default(),
            })
    }

    async fn stopped(&mut self) {
        // A closed channel means that the keeper's thread is gone, and the process before it.
        let _ = self.state.wait_for(|state| *state == State::Stopped).await;
    }

    fn end(&self, signal: Signal) {
        let mut process = lock(&self.process);
        process.unwanted = true;
        if let Some(pid) = process.pid {
            let _ = kill(pid, signal);
        }
        let _ = self.wake.send(());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end(self.launch.stop_signal);
    }
}

struct Worker {
    launch: Arc<Launch>,
    process: Arc<Mutex<Process>>,
    states: watch::Sender<State>,
    woken: Receiver<()>,
}

impl Worker {
    fn run(self, first: tokio::sync::oneshot::Sender<Result<(), Error>>) {
        let mut first = Some(first);
        let mut backoff = FIRST_BACKOFF;
        while !self.unwanted() {
            let started = monotonic();
            match self.attempt(&mut first) {
                Ok(status) if self.unwanted() => {
                    tracing::debug!(server = self.launch.name, %status, "stopped");
                }
                Ok(status) => {
                    tracing::warn!(server = self.launch.name, %status, "ended, starting it again");
                }
                Err(error) => match first.take() {
                    Some(first) => {
                        let _ = self.states.send(State::Stopped);
                        let _ = first.send(Err(error));
                        return;
                    }
                    None => {
                        tracing::error!(server = self.launch.name, %error, "cannot be started again yet")
                    }
                },
            }
            if started.elapsed() > LONGEST_BACKOFF {
                backoff = FIRST_BACKOFF;
            }
            self.pause(backoff);
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
        let _ = self.states.send(State::Stopped);
    }

    /// One life of the process: `Ok` when it was ready before it ended.
    fn attempt(
        &self,
        first: &mut Option<tokio::sync::oneshot::Sender<Result<(), Error>>>,
    ) -> Result<ExitStatus, Error> {
        (self.launch.clear)();
        let log = self.launch.open_log()?;
        let (mut child, pid) = self.spawn(&log.file)?;
        let deadline = monotonic() + READY_WITHIN;
        while (self.launch.probe)(child.id()).is_err() {
            if has_ended(pid, WaitPidFlag::WNOHANG) {
                let status = self.reap(&mut child)?;
                return Err(self.launch.explain(status, &log));
            }
            if monotonic() > deadline {
                let _ = kill(pid, Signal::SIGKILL);
                has_ended(pid, WaitPidFlag::empty());
                self.reap(&mut child)?;
                return Err(self.launch.not_ready(READY_WITHIN));
            }
            block_thread(PROBE_EVERY);
        }
        let _ = self.states.send(State::Ready { pid: child.id() });
        tracing::debug!(server = self.launch.name, server.pid = child.id(), "ready");
        if let Some(first) = first.take() {
            let _ = first.send(Ok(()));
        }
        has_ended(pid, WaitPidFlag::empty());
        let status = self.reap(&mut child)?;
        if !self.unwanted() {
            let _ = self.states.send(State::Starting);
        }
        Ok(status)
    }

    fn spawn(&self, log: &std::fs::File) -> Result<(Child, Pid), Error> {
        let spawned = |source| Error::Spawn {
            path: self.launch.program.clone(),
            source,
        };
        let mut process = lock(&self.process);
        let child = self
            .launch
            .command(log)
            .and_then(|mut command| command.spawn())
            .map_err(spawned)?;
        let pid = Pid::from_raw(child.id().cast_signed());
        process.pid = Some(pid);
        if process.unwanted {
            let _ = kill(pid, Signal::SIGKILL);
        }
        Ok((child, pid))
    }

    /// Collects the status of a child that has ended. The id is forgotten under the same lock
    /// under which it is signalled, so a signal never reaches a stranger with the same id.
    fn reap(&self, child: &mut Child) -> Result<ExitStatus, Error> {
        let mut process = lock(&self.process);
        process.pid = None;
        child.wait().map_err(|source| Error::Spawn {
            path: self.launch.program.clone(),
            source,
        })
    }

    fn unwanted(&self) -> bool {
        lock(&self.process).unwanted
    }

    fn pause(&self, backoff: Duration) {
        if !self.unwanted()
            && self.woken.recv_timeout(backoff) == Err(RecvTimeoutError::Disconnected)
        {
            lock(&self.process).unwanted = true;
        }
    }
}

/// Whether the child has ended; it stays a zombie until it is reaped.
fn has_ended(pid: Pid, flags: WaitPidFlag) -> bool {
    loop {
        match waitid(
            Id::Pid(pid),
            WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | flags,
        ) {
            Ok(WaitStatus::StillAlive) => return false,
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

fn lock(process: &Mutex<Process>) -> MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
