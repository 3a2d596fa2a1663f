//! The programs that measure, each a process of its own.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::process::Command;

use super::programs::Programs;

/// Length of every body and message in bytes.
pub(crate) const BYTES: usize = 8192;
/// Connections of the generator, and messages in flight of the yardstick.
pub(crate) const PARALLEL: usize = 32;

/// What the generator saw when it posted without pause.
#[derive(Debug, Deserialize)]
pub(crate) struct Steady {
    /// Webhooks posted, the warm-up included.
    pub(crate) posted: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// What the generator did when it posted at a rate.
#[derive(Debug, Deserialize)]
pub(crate) struct Paced {
    pub(crate) sent: Vec<Sent>,
}

/// One webhook.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) delivery: String,
    /// The wall clock just before the request, in microseconds.
    pub(crate) sent_us: u64,
    /// The wall clock when the answer was there, in microseconds.
    pub(crate) answered_us: u64,
}

#[derive(Deserialize)]
struct Raw {
    messages_per_second: f64,
}

/// Posts from 32 connections, each waiting for its answer.
pub(crate) async fn steady(
    programs: &Programs,
    webhook: &str,
    secret_file: &Path,
    seconds: u64,
) -> anyhow::Result<Steady> {
    let mut command = Command::new(&programs.load);
    command
        .arg("steady")
        .args(["--url", webhook])
        .arg("--secret-file")
        .arg(secret_file);
    command.args(["--seconds", &seconds.to_string()]);
    command.args(["--connections", &PARALLEL.to_string()]);
    command.args(["--bytes", &BYTES.to_string()]);
    output(command).await
}

/// Posts webhooks that start a run each, at a rate.
pub(crate) async fn paced(
    programs: &Programs,
    webhook: &str,
    secret_file: &Path,
    rate: u64,
    seconds: u64,
) -> anyhow::Result<Paced> {
    let mut command = Command::new(&programs.load);
    command
        .arg("paced")
        .args(["--url", webhook])
        .arg("--secret-file")
        .arg(secret_file);
    command.args([
        "--seconds",
        &seconds.to_string(),
        "--rate",
        &rate.to_string(),
    ]);
    command.args(["--bytes", &BYTES.to_string()]);
    output(command).await
}

/// Messages per second that the broker takes with nothing of Maestro between.
pub(crate) async fn raw(programs: &Programs, nats: &str, seconds: u64) -> anyhow::Result<f64> {
    let mut command = Command::new(&programs.raw_publish);
    command.args(["--url", nats, "--seconds", &seconds.to_string()]);
    command.args([
        "--in-flight",
        &PARALLEL.to_string(),
        "--bytes",
        &BYTES.to_string(),
    ]);
    let raw: Raw = output(command).await?;
    Ok(raw.messages_per_second)
}

/// The JSON on standard output.
async fn output<T: DeserializeOwned>(mut command: Command) -> anyhow::Result<T> {
    let program = command.as_std().get_program().to_owned();
    let output = command.kill_on_drop(true).output().await?;
    ensure!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).with_context(|| program.display().to_string())
}
