//! `maestro log verify`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use maestro_domain::Digest;
use maestro_eventlog::{Audit, Checkpoint, Error, NoteError, NoteKey};

use super::{
    file,
    links::Links,
    place::{self, Need, Opened, Place},
    report::{self, Verified},
};
use crate::cli::{
    failure::{Failure, chain},
    progress,
    session::Session,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log verify                    EVENTS against its hash chain and the journal
  maestro log verify --output json      every finding, for a script
  maestro log verify --file FILE --key KEY   an export, without any server
  maestro log verify --nats nats://n1:4222 --database postgres://…

Exits with 1 when a commit is missing or was changed. What to do then: docs/runbooks/log-damage.md";

/// Options of `maestro log verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// Check EVENTS without the journal
    #[arg(long)]
    no_journal: bool,
    /// Check this export instead of a deployment
    #[arg(long, value_name = "FILE", conflicts_with = "no_journal")]
    file: Option<PathBuf>,
    /// Public key that must have signed checkpoints (`maestro log keys`); may be repeated. Those of
    /// the deployment's vault when left out
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<NoteKey>,
}

impl Verify {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        if let Some(path) = &self.file {
            let verified = file::verify(path, &self.keys)?;
            return file::print(session.output, &verified);
        }
        let verified = self.place.with(session, Need::Existing, async |opened| {
            audit(opened, !self.no_journal, &self.keys).await
        });
        report::print(session.output, &verified.await?)
    }
}

/// Compares EVENTS with its chain, with checkpoints, and with the journal where there is one.
async fn audit(opened: &Opened, journal: bool, keys: &[NoteKey]) -> Result<Verified, Failure> {
    let (signed, problems) = signed(opened, keys).await?;
    let model = opened.model.as_ref().filter(|_| journal);
    // Before the end of EVENTS, which the journal follows.
    let journal_end = match model {
        Some(model) => {
            let end = model.journal_end().await;
            Some(end.map_err(|error| place::database(&error))?)
        }
        None => None,
    };
    let (mut log, log_end) = match opened.log.scan(1).await {
        Ok(scan) => {
            let end = scan.end();
            (Links::of_log(&opened.log, scan), end)
        }
        Err(Error::NoStream { .. }) => (Links::none(), 0),
        Err(error) => return Err(place::broker(&error)),
    };
    let mut journal = match model {
        Some(model) => Links::of_journal(model, journal_end.unwrap_or(0)),
        None => Links::none(),
    };
    let mut audit = Audit::new(log_end, journal_end, signed);
    let bar = progress::commits(audit.end());
    for seq in 1..=audit.end() {
        let (log, journal) = (log.at(seq).await?, journal.at(seq).await?);
        audit.step(seq, log.as_ref(), journal.as_ref());
        bar.inc(1);
    }
    bar.finish_and_clear();
    let report = audit.finish();
    Ok(Verified { report, problems })
}

/// What checkpoints say about commits, and which of them are not authentic.
async fn signed(
    opened: &Opened,
    given: &[NoteKey],
) -> Result<(BTreeMap<u64, Digest>, Vec<String>), Failure> {
    let keys = match (&opened.vault, given) {
        (Some(vault), []) => {
            let keys = vault.checkpoint_public_keys().await;
            keys.map_err(|error| Failure::caused("checkpoints cannot be verified", &error))?
        }
        _ => given.to_vec(),
    };
    let stored = match opened.log.checkpoints().await {
        Ok(stored) => stored,
        Err(Error::NoStream { .. }) => Vec::new(),
        Err(error) => return Err(place::broker(&error)),
    };
    let (mut signed, mut problems) = (BTreeMap::new(), Vec::new());
    if keys.is_empty() {
        return Ok((signed, problems));
    }
    for stored in stored {
        match Checkpoint::open(&stored.note, &keys) {
            Ok(checkpoint) => {
                signed.insert(checkpoint.n, checkpoint.hash);
            }
            // Of a key that was not given.
            Err(NoteError::UnknownKey) if !given.is_empty() => {}
            Err(error) => {
                let problem = format!(
                    "checkpoint {} is not authentic: {}",
                    stored.seq,
                    chain(&error)
                );
                problems.push(problem);
            }
        }
    }
    if signed.is_empty() && !given.is_empty() {
        problems.push("no checkpoint is signed by a given key".to_owned());
    }
    Ok((signed, problems))
}
