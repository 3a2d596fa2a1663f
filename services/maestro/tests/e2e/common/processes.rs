//! The process table: what belongs to a deployment, and what it costs.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, path::Path, time::Duration};

use maestro_runtime::clock;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const GONE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A living process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// Its command line, for people.
    pub(crate) command: String,
}

impl Found {
    /// Whether it is the shim of a run.
    pub(crate) fn is_shim(&self) -> bool {
        self.command.contains(" process-shim ")
    }
}

/// Every living process whose command line, environment or working folder lies in `folder`: the
/// services, their servers, shims and runs.
pub(crate) fn of(folder: &Path) -> Vec<Found> {
    let mark = folder.as_os_str().as_bytes();
    let pids = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id())
        .filter(|pid| mentions(*pid, mark))
        .filter_map(find)
        .collect()
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: Signal) {
    // It may have ended by itself.
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}

/// Kills everything that belongs to `folder` until nothing is left.
pub(crate) fn end_all(folder: &Path) {
    let deadline = clock::monotonic() + GONE_WITHIN;
    loop {
        let left = of(folder);
        if left.is_empty() {
            return;
        }
        if clock::monotonic() > deadline {
            eprintln!("these do not end: {left:#?}");
            return;
        }
        left.iter()
            .for_each(|each| signal(each.pid, Signal::SIGKILL));
        clock::block_thread(LOOK_EVERY);
    }
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("VmRSS");
    let kib = line.trim().trim_end_matches(" kB").trim();
    kib.parse::<u64>().expect("a number of KiB") * 1024
}

fn mentions(pid: u32, mark: &[u8]) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    let has =
        |name: &str| fs::read(format!("/proc/{pid}/{name}")).is_ok_and(|text| contains(&text));
    let cwd = || fs::read_link(format!("/proc/{pid}/cwd"));
    has("cmdline")
        || has("environ")
        || cwd().is_ok_and(|cwd| cwd.starts_with(OsStr::from_bytes(mark)))
}

fn find(pid: u32) -> Option<Found> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold any character.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&line)
        .replace('\0', " ")
        .trim_end()
        .to_owned();
    Some(Found {
        pid,
        parent,
        command,
    })
}
