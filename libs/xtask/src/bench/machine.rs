//! The machine that is measured on.

use std::{
    fs::{self, File},
    io::Write as _,
    thread,
};

use anyhow::Context as _;
use maestro_runtime::clock::monotonic;

use super::{results::Machine, stats::median};

const SYNCS: usize = 200;
const BLOCK: [u8; 8192] = [b'x'; 8192];

/// Counts cores and memory, and times the disk's fsync of 8 KiB.
pub(crate) fn look() -> anyhow::Result<Machine> {
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = total
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .context("/proc/meminfo does not say how much memory there is")?;
    Ok(Machine {
        cores: thread::available_parallelism()?.get(),
        memory_gib: kib as f64 / f64::from(1 << 20),
        fsync_us: fsync()?,
    })
}

fn fsync() -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let mut file = File::create(dir.path().join("fsync"))?;
    let mut taken = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&BLOCK)?;
        let start = monotonic();
        file.sync_all()?;
        taken.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&taken))
}
