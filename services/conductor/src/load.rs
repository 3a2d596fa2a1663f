//! The state at the end of the log: a snapshot and the commits behind it.

use maestro_domain::{
    Commit, Core,
    core::{COMMANDS, DELIVERIES, REPORTS},
};
use maestro_eventlog::{EventLog, ReadError, Stream, Vault};

use crate::{error::Error, snapshot};

/// Input streams by the name the log knows them under.
pub(crate) const INPUTS: [(Stream, &str); 3] = [
    (Stream::Commands, COMMANDS),
    (Stream::Reports, REPORTS),
    (Stream::Deliveries, DELIVERIES),
];

/// Folds the log up to its last commit.
pub(crate) async fn core(log: &EventLog, vault: &Vault) -> Result<Core, Error> {
    let state = snapshot::latest(log).await?.unwrap_or_default();
    let mut core = Core::new(state, vault.digest_key());
    let end = log.stream_state(Stream::Events).await?.last_seq;
    let from = core.state().head.n + 1;
    let mut reader = log.read(Stream::Events, from);
    while core.state().head.n < end {
        let expected = core.state().head.n + 1;
        let message = reader.next().await.map_err(|error| match error {
            ReadError::Gap {
                expected, found, ..
            } => Error::Gap {
                from: expected,
                to: found - 1,
            },
            source => Error::Read {
                stream: "EVENTS",
                source,
            },
        })?;
        let commit = Commit::decode(&message.payload).map_err(|source| Error::Undecodable {
            seq: expected,
            source,
        })?;
        core.apply(&commit, &message.payload)
            .map_err(|source| Error::Chain {
                seq: message.seq,
                source,
            })?;
    }
    tracing::info!(
        log.revision = end,
        log.folded = end + 1 - from,
        "state loaded"
    );
    Ok(core)
}
