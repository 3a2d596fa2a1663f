//! What every long-running process of Maestro begins and ends with.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use maestro_runtime::telemetry::{self, TelemetryConfig};

use crate::cli::endpoints::data_dir;

/// Sets up the runtime and telemetry, runs `work` with the data folder, and turns its failure into
/// one line and an exit code.
pub(crate) fn run<W>(role: &str, data: Option<&Path>, work: W) -> ExitCode
where
    W: AsyncFnOnce(PathBuf) -> anyhow::Result<()>,
{
    let data = match data_dir(data) {
        Ok(data) => data,
        Err(failure) => return failure.report(),
    };
    match in_runtime(role, data, work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime<W>(role: &str, data: PathBuf, work: W) -> anyhow::Result<()>
where
    W: AsyncFnOnce(PathBuf) -> anyhow::Result<()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
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
