//! The state at the end of the log: a snapshot and the commits behind it.

use maestro_domain::{
    Commit, Core,
    core::{COMMANDS, DELIVERIES, REPORTS},
};
use maestro_eventlog::{EventLog, Stream, Vault};

use crate::{error::Error, snapshot};

/// Input streams by the name the log knows them under.
pub(crate) const INPUTS: [(Stream, &str); 3] = [
    (Stream::Commands, COMMANDS),
    (Stream::Reports, REPORTS),
    (Stream::Deliveries, DELIVERIES),
];

/// Commits read at once.
const BATCH: usize = 1_000;

/// Folds the log up to its last commit. What the broker counts but cannot read is an error, also
/// at the end of the log.
pub(crate) async fn core(log: &EventLog, vault: &Vault) -> Result<Core, Error> {
    let state = snapshot::latest(log).await?.unwrap_or_default();
    let mut core = Core::new(state, vault.digest_key());
    let from = core.state().head.n + 1;
    let mut scan = log.scan(from).await?;
    let end = scan.end();
    while let Some(batch) = scan.next_batch(BATCH).await? {
        for message in batch {
            complete(&core, message.seq - 1)?;
            let commit = Commit::decode(&message.payload).map_err(|source| Error::Undecodable {
                seq: message.seq,
                source,
            })?;
            core.apply(&commit, &message.payload)
                .map_err(|source| Error::Chain {
                    seq: message.seq,
                    source,
                })?;
        }
    }
    complete(&core, end)?;
    tracing::info!(
        log.revision = end,
        log.folded = end + 1 - from,
        "state loaded"
    );
    Ok(core)
}

/// Whether everything up to sequence `to` was folded.
fn complete(core: &Core, to: u64) -> Result<(), Error> {
    let from = core.state().head.n + 1;
    if from <= to {
        return Err(Error::Gap { from, to });
    }
    Ok(())
}
