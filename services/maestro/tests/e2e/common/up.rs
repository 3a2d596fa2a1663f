//! `maestro up`.

use std::time::Duration;

use serde::Deserialize;

use super::{Process, Scratch, Setup, process::Launch};

/// A debug build on a busy machine, with a fresh Postgres cluster.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// `endpoints.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoints {
    pub(crate) ui: String,
    pub(crate) webhook: String,
    pub(crate) grpc: String,
    pub(crate) nats: String,
    pub(crate) postgres: String,
    pub(crate) webhook_secret_file: std::path::PathBuf,
}

/// Starts `maestro up` on a free port and waits until it is ready.
pub(super) async fn start(setup: &Setup, scratch: &Scratch) -> (Process, Endpoints) {
    let data = scratch.data();
    let config = setup.write(scratch);
    let launch = Launch {
        name: "up".to_owned(),
        arguments: [
            "up",
            "--data",
            &data.display().to_string(),
            "--config",
            &config,
        ]
        .into_iter()
        .chain(["--listen", "127.0.0.1:0"])
        .chain(setup.arguments.iter().map(String::as_str))
        .map(ToOwned::to_owned)
        .collect(),
        environment: setup.environment.clone(),
    };
    let mut process = Process::spawn(&launch, &scratch.path().join("logs"));
    process.line("ready", READY_WITHIN).await;
    let text = std::fs::read(data.join("endpoints.json")).expect("endpoints.json is written");
    (
        process,
        serde_json::from_slice(&text).expect("the documented endpoints"),
    )
}
