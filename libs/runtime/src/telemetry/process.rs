//! Metrics of this process, read from `/proc`.

use std::fs;

use metrics::{Unit, describe_gauge, gauge};

const MEMORY: &str = "process_resident_memory_bytes";
const FILES: &str = "process_open_fds";
const THREADS: &str = "process_threads";

pub(super) fn describe() {
    describe_gauge!(MEMORY, Unit::Bytes, "Resident memory.");
    describe_gauge!(FILES, Unit::Count, "Open file descriptors.");
    describe_gauge!(THREADS, Unit::Count, "Threads.");
}

pub(super) fn record() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(kib) = number(&status, "VmRSS:") {
        gauge!(MEMORY).set(kib * 1024.0);
    }
    if let Some(threads) = number(&status, "Threads:") {
        gauge!(THREADS).set(threads);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        gauge!(FILES).set(u32::try_from(files.count()).unwrap_or(u32::MAX));
    }
}

fn number(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
