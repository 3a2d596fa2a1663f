//! `maestro log keys`.

use clap::Args;
use maestro_eventlog::NoteKey;
use serde::Serialize;

use super::place::{Need, Opened, Place};
use crate::cli::{failure::Failure, session::Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log keys                       the one that signs first, then earlier ones
  maestro log keys --rotate              sign with a new key; the old one hands over

A key is public, in the form <name>+<key id>+<base64> of C2SP signed notes. Keep it where those who
run this deployment cannot change it.";

/// Options of `maestro log keys`.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(flatten)]
    place: Place,
    /// Make a new signing key first
    #[arg(long)]
    rotate: bool,
}

#[derive(Serialize)]
struct Out {
    keys: Vec<String>,
}

impl Keys {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let rotate = self.rotate;
        let keys = self.place.with(session, Need::Existing, async |opened| {
            public(opened, rotate).await
        });
        let keys = keys.await?.iter().map(ToString::to_string).collect();
        let out = Out { keys };
        session.output.print(&out, |_| out.keys.join("\n"))
    }
}

async fn public(opened: &Opened, rotate: bool) -> Result<Vec<NoteKey>, Failure> {
    let vault = opened.vault()?;
    let keys = if rotate {
        let rotated = opened.log.rotate_checkpoint_key(vault).await;
        rotated.map_err(|error| Failure::caused("the key was not changed", &error))?
    } else {
        let keys = vault.checkpoint_keys().await;
        keys.map_err(|error| Failure::caused("there are no keys", &error))?
    };
    Ok(keys.public())
}
