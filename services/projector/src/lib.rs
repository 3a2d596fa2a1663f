//! Follows EVENTS and keeps the read models.
//!
//! One task per projection, so that one that cannot go on stops alone, and one that builds rows
//! beside the live ones when an operator or a new version asks for it. What it reads, how it
//! verifies that nothing is missing, and how rows and checkpoint stay together is in
//! `maestro-readmodel`; here stands where the commits and the names come from.

mod config;
mod names;
mod source;
mod task;

use std::sync::Arc;

use maestro_eventlog::{EventLog, Vault};
use maestro_readmodel::{CommitSource, ReadModel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::config::Config;
use self::{names::VaultNames, source::LogSource};

/// Keeps every read model up to date until `shutdown`. Waits for Postgres, the broker and the
/// vault for as long as it takes. A projection that stops is tried again after
/// [`Config::retry_stopped_s`]; meanwhile its checkpoint says why it stopped
/// ([`ReadModel::projections`]).
///
/// # Errors
/// When a migration cannot be applied, or a task panicked.
pub async fn run(
    config: Config,
    log: EventLog,
    vault: Vault,
    model: ReadModel,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let work = project(config, log, vault, model);
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        failed = work => failed,
    }
}

/// Returns only with an error. Dropping it ends every task; what was begun is rolled back.
async fn project(
    config: Config,
    log: EventLog,
    vault: Vault,
    model: ReadModel,
) -> anyhow::Result<()> {
    task::migrate(&model).await?;
    let source: Arc<dyn CommitSource> = Arc::new(LogSource::new(log));
    let names = Arc::new(VaultNames::new(vault));
    let rebuilder = model.rebuilder(&source, names.clone());
    let runners = model.runners(&source, names);
    let mut tasks = JoinSet::new();
    let progress = runners
        .iter()
        .map(|runner| (runner.name(), runner.progress()))
        .collect();
    tasks.spawn(task::measure(config.clone(), source, progress));
    tasks.spawn(async move { match rebuilder.run().await {} });
    for runner in runners {
        tasks.spawn(task::follow(config.clone(), runner));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}
