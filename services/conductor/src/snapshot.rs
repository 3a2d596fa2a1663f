//! Snapshots shorten a start; the log alone is the truth.

use maestro_domain::{Digest, State, state::STATE_VERSION};
use maestro_eventlog::EventLog;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Snapshots kept of each state version.
const KEPT: usize = 2;

#[derive(Serialize, Deserialize)]
struct Snapshot<S> {
    version: u32,
    state: S,
}

fn prefix() -> String {
    format!("state-v{STATE_VERSION}-")
}

/// The newest snapshot whose commit is in the log with the same hash.
pub(crate) async fn latest(log: &EventLog) -> Result<Option<State>, Error> {
    let mut names = own(log).await?;
    while let Some(name) = names.pop() {
        let Some(bytes) = log.load_snapshot(&name).await? else {
            continue;
        };
        match serde_json::from_slice::<Snapshot<State>>(&bytes) {
            Ok(snapshot) if continues(log, &snapshot.state).await? => {
                return Ok(Some(snapshot.state));
            }
            Ok(_) => tracing::error!(
                snapshot.name = name,
                "snapshot does not fit the log; ignored"
            ),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    snapshot.name = name,
                    error,
                    "snapshot cannot be read; ignored"
                );
            }
        }
    }
    Ok(None)
}

async fn continues(log: &EventLog, state: &State) -> Result<bool, Error> {
    let stored = log.commit(state.head.n).await?;
    Ok(stored.is_some_and(|bytes| Digest::of(&bytes) == state.head.hash))
}

/// Writes a snapshot and removes the ones before the last two.
pub(crate) async fn save(log: EventLog, state: State) {
    let n = state.head.n;
    let encode = move || {
        serde_json::to_vec(&Snapshot {
            version: STATE_VERSION,
            state,
        })
    };
    let saved = async {
        let bytes = tokio::task::spawn_blocking(encode).await.ok()?.ok()?;
        log.save_snapshot(&format!("{}{n:020}", prefix()), bytes.into())
            .await
            .ok()?;
        let names = own(&log).await.ok()?;
        for name in names.iter().rev().skip(KEPT) {
            log.delete_snapshot(name).await.ok()?;
        }
        Some(())
    };
    match saved.await {
        Some(()) => tracing::info!(log.revision = n, "snapshot written"),
        None => tracing::warn!(
            log.revision = n,
            "snapshot not written; the next one will be"
        ),
    }
}

/// Names of this version's snapshots, oldest first.
async fn own(log: &EventLog) -> Result<Vec<String>, Error> {
    let prefix = prefix();
    let mut names = log.list_snapshots().await?;
    names.retain(|name| name.starts_with(&prefix));
    names.sort();
    Ok(names)
}
