//! Every projection rebuilt from a log of any length, beside the least that could be done.

use std::path::Path;

use anyhow::{Context as _, ensure};
use maestro_testkit::Postgres;
use serde::Deserialize;
use tokio::process::Command;

use super::{
    broker::Broker,
    programs,
    results::{Rebuild, RebuildRound, Sync},
};

/// What a step of the example prints.
#[derive(Debug, Deserialize)]
struct Step {
    seconds: f64,
    peak_mb: f64,
}

/// Makes a log once, and in each round rebuilds from it, then reads and copies the same raw.
pub(crate) async fn measure(root: &Path, commits: u64, rounds: usize) -> anyhow::Result<Rebuild> {
    let program = programs::example(root, "maestro-readmodel", "rebuild")?;
    let broker = Broker::start(Sync::Default).await;
    let postgres = Postgres::start().await;
    let database = postgres.database().await;
    let run = async |step: &str| -> anyhow::Result<Step> {
        let mut command = Command::new(&program);
        command.arg(step).arg(broker.url()).arg(&database);
        let output = command.arg(commits.to_string()).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "step {step} failed: {said}");
        let read: Step = serde_json::from_slice(&output.stdout).context("one line of JSON")?;
        eprintln!("rebuild: {step} {:.1} s", read.seconds);
        Ok(read)
    };
    run("fill").await?;
    let mut measured = Vec::new();
    for _ in 0..rounds.max(1) {
        let whole = run("rebuild").await?;
        let bare = run("bare").await?;
        measured.push(RebuildRound {
            rebuilt_s: whole.seconds,
            peak_mb: whole.peak_mb,
            bare_s: bare.seconds,
        });
    }
    Ok(Rebuild {
        commits,
        rounds: measured,
    })
}
