//! From the child's start to the end of its last descendant.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Child, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use maestro_domain::report::End;
use maestro_runtime::clock;
use nix::{
    errno::Errno,
    sys::{
        signal::{self, Signal},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use crate::process::{folder::Folder, procfs, records::Launch};

/// How long nothing may happen before the process table is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const SWEEP_PAUSE: Duration = Duration::from_millis(20);
const SIGCHLD: i32 = Signal::SIGCHLD as i32;

/// Why the child is being ended.
struct Ending {
    cause: End,
    kill_at: Instant,
    killed: bool,
}

/// Watches one child.
pub(super) struct Supervisor<'a> {
    folder: &'a Folder,
    child: Child,
    leader: Pid,
    signals: Receiver<i32>,
    grace: Duration,
    /// `None` when it lies beyond what the clock can count.
    deadline: Option<Instant>,
    ending: Option<Ending>,
}

impl<'a> Supervisor<'a> {
    pub(super) fn new(
        folder: &'a Folder,
        launch: &Launch,
        child: Child,
        signals: Receiver<i32>,
    ) -> Self {
        let leader = Pid::from_raw(child.id().cast_signed());
        let deadline = clock::monotonic().checked_add(Duration::from_secs(launch.timeout_s));
        let grace = Duration::from_millis(launch.grace_ms);
        Self {
            folder,
            child,
            leader,
            signals,
            grace,
            deadline,
            ending: None,
        }
    }

    /// Pid of the child.
    pub(super) fn child(&self) -> i32 {
        self.leader.as_raw()
    }

    /// Returns when neither the child nor anything it started lives.
    pub(super) fn run(mut self) -> End {
        while !self.over() {
            match self.signals.recv_timeout(self.patience()) {
                Ok(SIGCHLD) if !self.over() => self.reap_orphans(),
                Ok(SIGCHLD) => {}
                Ok(_) => self.asked_to_end(),
                Err(RecvTimeoutError::Timeout) => self.timed_out(),
                Err(RecvTimeoutError::Disconnected) => super::pause(SWEEP_PAUSE),
            }
        }
        let status = self.sweep();
        match (self.ending, status) {
            (Some(ending), _) => ending.cause,
            (None, Some(status)) => end_of(status),
            (None, None) => End::Lost,
        }
    }

    /// The child has ended and, when it was told to, the rest of its group had the same grace.
    fn over(&self) -> bool {
        // It stays a zombie until the sweep, so its number cannot become another group's.
        let ended = procfs::stat(self.child()).map_or(true, |child| child.zombie);
        ended && (self.ending.as_ref().is_none_or(|ending| ending.killed) || self.group_is_gone())
    }

    fn group_is_gone(&self) -> bool {
        procfs::processes(|other| other.group == self.child() && !other.zombie).is_empty()
    }

    fn patience(&self) -> Duration {
        let until = match &self.ending {
            None => self.deadline,
            Some(ending) if !ending.killed => Some(ending.kill_at),
            Some(_) => None,
        };
        until
            .map_or(LOOK_AGAIN, |at| {
                at.saturating_duration_since(clock::monotonic())
            })
            .min(LOOK_AGAIN)
    }

    /// A TERM with the cancel mark is a cancel; without it the machine is going down.
    fn asked_to_end(&mut self) {
        let cause = if self.folder.cancel().exists() {
            End::Canceled
        } else {
            End::Lost
        };
        self.end(cause);
    }

    fn timed_out(&mut self) {
        let now = clock::monotonic();
        match &mut self.ending {
            None if self.deadline.is_some_and(|at| at <= now) => self.end(End::DeadlineExceeded),
            Some(ending) if !ending.killed && ending.kill_at <= now => {
                ending.killed = true;
                self.signal(Signal::SIGKILL);
            }
            _ => {}
        }
    }

    fn end(&mut self, cause: End) {
        if self.ending.is_none() {
            let kill_at = clock::monotonic() + self.grace;
            self.ending = Some(Ending {
                cause,
                kill_at,
                killed: false,
            });
            self.signal(Signal::SIGTERM);
        }
    }

    fn signal(&self, signal: Signal) {
        // ESRCH: the group ended by itself.
        let _ = signal::killpg(self.leader, signal);
    }

    /// As subreaper the shim inherits what lost its parent; what has ended must not pile up.
    fn reap_orphans(&self) {
        let me = Pid::this().as_raw();
        let child = self.child();
        for orphan in procfs::processes(|p| p.parent == me && p.zombie && p.pid != child) {
            let _ = waitpid(Pid::from_raw(orphan.pid), Some(WaitPidFlag::WNOHANG));
        }
    }

    /// Kills the rest of the group, then every descendant that left it.
    fn sweep(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::SIGKILL);
        let status = self.child.wait().ok();
        let me = Pid::this().as_raw();
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Err(Errno::ECHILD) => return status,
                Ok(reaped) if reaped.pid().is_none() => {
                    for child in procfs::processes(|p| p.parent == me && !p.zombie) {
                        let _ = signal::kill(Pid::from_raw(child.pid), Signal::SIGKILL);
                    }
                    let _ = self.signals.recv_timeout(SWEEP_PAUSE);
                }
                _ => {}
            }
        }
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited { code },
        (None, Some(signal)) => End::Signaled { signal },
        (None, None) => End::Lost,
    }
}
