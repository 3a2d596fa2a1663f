//! A server that an earlier Maestro left behind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::Error;
use crate::clock::{block_thread, monotonic};

const GOES_BY_ITSELF: Duration = Duration::from_secs(3);
const GOES_WHEN_ASKED: Duration = Duration::from_secs(8);
const GOES_WHEN_KILLED: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits for the server whose id stands in `pid_file` to end, then ends it. It counts as that
/// server only when `mark`, a path of its own, is among its arguments.
pub(super) fn end(
    program: &'static str,
    pid_file: &Path,
    mark: &Path,
    stop_signal: Signal,
) -> Result<(), Error> {
    let Some(pid) = read_pid(pid_file).filter(|pid| is_server(*pid, mark)) else {
        return Ok(());
    };
    let gone = |within: Duration| {
        let deadline = monotonic() + within;
        while is_server(pid, mark) {
            if monotonic() > deadline {
                return false;
            }
            block_thread(LOOK_EVERY);
        }
        true
    };
    if gone(GOES_BY_ITSELF) {
        return Ok(());
    }
    tracing::warn!(
        server = program,
        server.pid = pid,
        "ending the server of an earlier start"
    );
    for (signal, within) in [
        (stop_signal, GOES_WHEN_ASKED),
        (Signal::SIGKILL, GOES_WHEN_KILLED),
    ] {
        let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
        if gone(within) {
            return Ok(());
        }
    }
    Err(Error::DoesNotStop { program, pid })
}

/// Ends what a dead Postgres left running: a busy session does not notice that its server is
/// gone, and keeps the next one from starting. They are known by program and working folder.
pub(super) fn end_sessions(data: &Path) {
    let sessions = sessions_in(data);
    for (signal, within) in [
        (Signal::SIGQUIT, GOES_BY_ITSELF),
        (Signal::SIGKILL, GOES_WHEN_KILLED),
    ] {
        let deadline = monotonic() + within;
        let left = || sessions.iter().filter(|pid| is_session(**pid, data));
        left().for_each(|pid| {
            let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
        });
        while left().next().is_some() && monotonic() < deadline {
            block_thread(LOOK_EVERY);
        }
    }
}

/// Removes lock files of servers that are gone. Postgres itself refuses to start when the number in
/// them is in use, be it by another program or by a dead process that is not collected yet.
pub(super) fn remove_stale_locks(data: &Path, locks: &[PathBuf]) {
    for lock in locks {
        if read_pid(lock).is_some_and(|pid| !is_server(pid, data)) {
            // Postgres says what is wrong with one that stays.
            let _ = fs::remove_file(lock);
        }
    }
}

fn sessions_in(data: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_session(*pid, data)).collect()
}

fn is_session(pid: u32, data: &Path) -> bool {
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}"));
    link("cwd").is_ok_and(|cwd| cwd == data)
        && link("exe").is_ok_and(|exe| exe.file_name().is_some_and(|name| name == "postgres"))
}

/// The process id in the first line of a pid file.
pub(super) fn read_pid(pid_file: &Path) -> Option<u32> {
    fs::read_to_string(pid_file)
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
        .filter(|pid| *pid > 1)
}

fn is_server(pid: u32, mark: &Path) -> bool {
    let mark = mark.as_os_str().as_encoded_bytes();
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        line.split(|byte| *byte == 0)
            .any(|argument| argument == mark)
    })
}
