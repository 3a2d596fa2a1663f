//! What every long-running process of Maestro begins and ends with.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use maestro_runtime::telemetry::{self, TelemetryConfig};

use crate::cli::endpoints::data_dir;

/// Threads that run tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// One a core.
    Cores,
    /// One: for a service that spends its time in small steps between a socket and the broker,
    /// waking another core costs more than it brings. `TOKIO_WORKER_THREADS` has precedence.
    One,
}

/// Sets up the runtime and telemetry, runs `work` with the data folder, and turns its failure into
/// one line and an exit code.
pub(crate) fn run<W>(role: &str, threads: Threads, data: Option<&Path>, work: W) -> ExitCode
where
    W: AsyncFnOnce(PathBuf) -> anyhow::Result<()>,
{
    let data = match data_dir(data) {
        Ok(data) => data,
        Err(failure) => return failure.report(),
    };
    match in_runtime(role, threads, data, work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<W>(role: &str, threads: Threads, data: PathBuf, work: W) -> anyhow::Result<()>
where
    W: AsyncFnOnce(PathBuf) -> anyhow::Result<()>,
{
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if threads == Threads::One && std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads(1);
    }
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async {
        let config = TelemetryConfig {
            role: Some(role.to_owned()),
            ..TelemetryConfig::default()
        };
        let telemetry = telemetry::init(&config)?;
        let worked = work(data).await;
        telemetry.shutdown().await;
        worked
    })
}
