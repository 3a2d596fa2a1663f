//! `maestro log checkpoint`.

use clap::Args;
use maestro_domain::Digest;
use maestro_eventlog::Checkpoint;
use serde::Serialize;

use super::place::{self, Need, Opened, Place};
use crate::cli::{failure::Failure, session::Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log checkpoint                 print the checkpoint: keep it elsewhere
  maestro log checkpoint --output json

Every commit since the checkpoint before is read and verified first. The conductor does the same from
time to time.";

/// Options of `maestro log checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct SignNow {
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Out {
    origin: String,
    n: u64,
    hash: Digest,
    note: String,
}

impl SignNow {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let signed = self.place.with(session, Need::Existing, sign).await?;
        session
            .output
            .print(&signed, |_| signed.note.trim_end().to_owned())
    }
}

async fn sign(opened: &Opened) -> Result<Out, Failure> {
    let vault = opened.vault()?;
    opened
        .log
        .sign_checkpoint(vault)
        .await
        .map_err(|error| Failure::caused("the log was not signed", &error))?;
    let newest = opened.log.last_checkpoint().await;
    let newest = newest.map_err(|error| place::broker(&error))?;
    let note = newest
        .map(|stored| stored.note)
        .ok_or_else(|| Failure::usage("the log is empty: there is nothing to sign"))?;
    let Checkpoint { origin, n, hash } = Checkpoint::unverified(&note)
        .map_err(|error| Failure::caused("the checkpoint cannot be read", &error))?;
    Ok(Out {
        origin,
        n,
        hash,
        note,
    })
}
