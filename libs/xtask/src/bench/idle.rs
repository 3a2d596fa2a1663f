//! Memory of `maestro up` with nothing to do, and the time of `maestro --help`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::ensure;
use maestro_runtime::clock::monotonic;

use super::{deployment::Deployment, process, programs::Programs, results::Idle, stats::median};

/// How long it is left alone before it is looked at, and then watched.
const ALONE: Duration = Duration::from_secs(10);
const HELPS: usize = 20;

pub(crate) async fn measure(programs: &Programs) -> anyhow::Result<Idle> {
    eprintln!("idle: `maestro up` for {} s", ALONE.as_secs() * 2);
    let up = Deployment::up(programs, None, "").await?;
    let pid = up.pid()?;
    tokio::time::sleep(ALONE).await;
    let before = process::cpu(pid)?;
    tokio::time::sleep(ALONE).await;
    let used = process::cpu(pid)? - before;
    let (resident, proportional) = process::memory(pid)?;
    up.stop().await?;
    Ok(Idle {
        rss_mb: resident as f64 / 1e6,
        pss_mb: proportional as f64 / 1e6,
        cpu_ms_per_second: used.as_secs_f64() * 1e3 / ALONE.as_secs_f64(),
        help_ms: help(programs)?,
    })
}

fn help(programs: &Programs) -> anyhow::Result<f64> {
    let mut taken = Vec::new();
    for _ in 0..HELPS {
        let start = monotonic();
        let status = Command::new(&programs.maestro)
            .arg("--help")
            .stdout(Stdio::null())
            .status()?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(status.success(), "`maestro --help` fails");
    }
    Ok(median(&taken))
}
