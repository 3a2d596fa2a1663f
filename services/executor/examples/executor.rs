//! An executor as a program of its own, for tests that kill it.
//!
//! `executor CONFIG NATS_URL KEYS`: a configuration as JSON, the broker, the file of vault keys.

use std::{env, fs};

use anyhow::Context as _;
use maestro_eventlog::{EventLog, Settings, VaultKeys};
use maestro_executor::Config;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument = |what| arguments.next().context(what);
    let config = fs::read(argument("a configuration")?)?;
    let config: Config = serde_json::from_slice(&config)?;
    let log = EventLog::connect(&Settings::single(argument("the broker's URL")?)).await?;
    let keys = VaultKeys::load_or_create(argument("a file of keys")?.as_ref())?;
    let vault = log.vault(keys);
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let stopped = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stopped.cancel();
    });
    maestro_executor::run(config, log, vault, stop).await
}
