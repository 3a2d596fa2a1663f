//! Signs the log from time to time, and holds it against what was signed before leading it.

use maestro_domain::Digest;
use maestro_eventlog::{Checkpoint, CheckpointError, EventLog, Vault};

use crate::{config::Config, error::Error};

/// The log must hold the last commit that was signed. A broker that lost its end would otherwise
/// have everything behind it decided again.
pub(crate) async fn confirm(log: &EventLog, vault: &Vault) -> Result<(), Error> {
    let Some(stored) = log.last_checkpoint().await? else {
        return Ok(());
    };
    let keys = vault.checkpoint_public_keys().await?;
    let Ok(Checkpoint { n, hash, .. }) = Checkpoint::open(&stored.note, &keys) else {
        tracing::error!(
            checkpoint.seq = stored.seq,
            "the last checkpoint is not authentic; run `maestro log verify`"
        );
        return Ok(());
    };
    match log.commit(n).await? {
        Some(bytes) if Digest::of(&bytes) == hash => Ok(()),
        _ => Err(Error::NotAsSigned { n }),
    }
}

/// Signs what was written since the last checkpoint, as often as the settings say.
pub(crate) async fn run(config: Config, log: EventLog, vault: Vault) {
    loop {
        tokio::time::sleep(config.checkpoint_every()).await;
        match log.sign_checkpoint(&vault).await {
            Ok(Some(signed)) => tracing::info!(log.revision = signed.n, "the log was signed"),
            Ok(None) => {}
            Err(error @ CheckpointError::Damaged(_)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the log is damaged"
                );
                metrics::counter!("maestro_log_damaged_total").increment(1);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the log was not signed; the next time");
            }
        }
    }
}
