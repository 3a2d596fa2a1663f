//! `maestro log import`.

use std::path::PathBuf;

use clap::Args;
use maestro_eventlog::NoteKey;

use super::{
    file,
    place::{self, Need, Opened, Place},
};
use crate::cli::{
    failure::{Failure, Kind},
    progress,
    session::Session,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log import maestro.mlog --data /srv/maestro     then: maestro up --data /srv/maestro
  maestro log import maestro.mlog --nats nats://n1:4222 --database postgres://…

Put the vault's keys into place first (keys/vault.json in the data folder). Conductors must not run.
The read models fill themselves afterwards.";

/// Options of `maestro log import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// File to restore
    file: PathBuf,
    /// Public key that must have signed it (`maestro log keys`); may be repeated
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<NoteKey>,
    #[command(flatten)]
    place: Place,
}

impl Import {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let verified = file::verify(&self.file, &self.keys)?;
        if !verified.is_whole() {
            return file::print(session.output, &verified);
        }
        let mut archive = file::open(&self.file)?;
        let imported = self.place.with(session, Need::Place, async |opened| {
            refuse_a_journal(opened).await?;
            if verified.vault > 0 && opened.vault.is_none() {
                eprintln!("the vault's keys are not here: put them into place before starting");
            }
            let bar = progress::commits(verified.export.last);
            let restored = opened.log.restore(&mut archive, &verified, |seq| {
                bar.set_position(seq);
            });
            let restored = restored.await;
            bar.finish_and_clear();
            restored.map_err(|error| Failure::caused("nothing more was restored", &error))
        });
        imported.await?;
        session.output.print(&verified, |_| {
            let (commits, vault) = (verified.export.commits, verified.vault);
            format!("restored {commits} commits and {vault} values of the vault")
        })
    }
}

/// Read models of another history must not be mixed with this one.
async fn refuse_a_journal(opened: &Opened) -> Result<(), Failure> {
    let Some(model) = &opened.model else {
        return Ok(());
    };
    let failed = |error| place::database(&error);
    model.migrate().await.map_err(failed)?;
    if model.journal_end().await.map_err(failed)? == 0 {
        return Ok(());
    }
    let told = "the database holds the read models of a log already: use an empty one";
    Err(Failure::new(Kind::Failed, told))
}
