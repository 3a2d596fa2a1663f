//! What the kernel knows of a process.

use std::{fs, time::Duration};

use anyhow::Context as _;
use maestro_runtime::clock::monotonic;

/// The unit of times in `/proc/PID/stat` is 10 ms on every Linux.
const TICK: Duration = Duration::from_millis(10);
const QUIET_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Processor time used so far, of all threads, user and system.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat)
        .map(|ticks| TICK * ticks)
        .with_context(|| format!("/proc/{pid}/stat is not as expected"))
}

/// The name in parentheses may hold anything, so counting starts behind it.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Resident and proportional memory in bytes.
pub(crate) fn memory(pid: u32) -> anyhow::Result<(u64, u64)> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let bytes = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
            .with_context(|| format!("{name} is missing"))
    };
    Ok((bytes("Rss:")?, bytes("Pss:")?))
}

/// Waits until these processes together use less than a tenth of a core: what the round before
/// left to do must not burden the next one.
pub(crate) async fn until_quiet(pids: &[u32]) -> anyhow::Result<()> {
    let used = || {
        pids.iter()
            .map(|pid| cpu(*pid))
            .sum::<anyhow::Result<Duration>>()
    };
    let deadline = monotonic() + QUIET_WITHIN;
    let mut before = used()?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = used()?;
        if now - before < LOOK_EVERY / 10 {
            return Ok(());
        }
        anyhow::ensure!(monotonic() < deadline, "the processes do not come to rest");
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 130 25 4 5 20 0 1 0 99 0 0";
        assert_eq!(ticks(stat), Some(155));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_used_the_processor() {
        let me = std::process::id();
        let (resident, proportional) = memory(me).unwrap();
        assert!(proportional > 0 && resident >= proportional);
        assert!(cpu(me).unwrap() < Duration::from_secs(3600));
    }
}
