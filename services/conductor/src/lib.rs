//! The conductor: the only writer of EVENTS.
//!
//! It folds deliveries, commands, reports and the clock through the pure core, appends what is
//! decided, and only then lets anything leave: run commands and orders to executors, answers to
//! callers. It listens to the heartbeats of executors and says who has fallen silent.
//! Leadership is decided by the log: every append names the sequence it expects, so a stale
//! conductor is refused by the broker. The lease only avoids duels.

mod checkpoints;
mod config;
mod dispatch;
mod error;
mod executors;
mod intake;
mod lead;
mod load;
mod pipeline;
mod roster;
mod seals;
mod snapshot;
mod stacks;

use maestro_eventlog::{EventLog, Vault};
use tokio_util::sync::CancellationToken;

pub use self::{
    config::{Config, ConfigError},
    error::Error,
};

/// Conducts until `shutdown`: waits for leadership, leads, and starts over when it is lost.
///
/// # Errors
/// Only for what a person has to mend: a cursor that does not fit its stream, a broken chain.
pub async fn run(
    config: Config,
    log: EventLog,
    vault: Vault,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    config.validate()?;
    let instance = uuid::Uuid::new_v4().simple().to_string();
    let mut poison = None;
    while !shutdown.is_cancelled() {
        let led = lead::once(&config, &log, &vault, &instance, &mut poison, &shutdown).await;
        match led {
            Ok(()) => {}
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "leadership ended");
                metrics::counter!("maestro_conductor_leaderships_lost_total").increment(1);
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(config.retry_delay()) => {}
                }
            }
        }
    }
    Ok(())
}
