//! `maestro log export`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use maestro_domain::Digest;
use maestro_eventlog::{ArchiveWriter, Chain, CheckpointError, Copy, Finding, Link};
use serde::Serialize;

use super::place::{self, Need, Opened, Place};
use crate::cli::{
    failure::{Failure, Kind, chain},
    progress,
    session::Session,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log export maestro.mlog        the log, signed, and the vault's encrypted values
  maestro log export --no-vault log.mlog the log alone, to hand out as proof

The vault's keys are not in it: back them up apart (docs/runbooks/vault-backup.md).";

/// Commits read at once.
const BATCH: usize = 512;

/// Options of `maestro log export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// File to write
    file: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
    /// Leave the vault out
    #[arg(long)]
    no_vault: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Written {
    commits: u64,
    head: Digest,
    vault: u64,
    signed: bool,
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        if self.file.exists() && !self.force {
            let shown = self.file.display();
            return Err(Failure::usage(format!(
                "{shown} exists: --force replaces it"
            )));
        }
        let aside = self.file.with_extension("part");
        let written = self.place.with(session, Need::Existing, async |opened| {
            write(opened, &aside, !self.no_vault).await
        });
        let written = match written.await {
            Ok(written) => written,
            Err(failure) => {
                // It may never have been made.
                let _ = fs::remove_file(&aside);
                return Err(failure);
            }
        };
        fs::rename(&aside, &self.file).map_err(|error| unwritable(&error))?;
        session.output.print(&written, |_| {
            let Written { commits, vault, .. } = &written;
            let signed = if written.signed {
                "signed"
            } else {
                "not signed"
            };
            let shown = self.file.display();
            format!("{shown}: {commits} commits, {signed}, and {vault} values of the vault")
        })
    }
}

async fn write(opened: &Opened, path: &Path, with_vault: bool) -> Result<Written, Failure> {
    let signed = sign(opened).await?;
    let mut archive = create(path).map_err(|error| unwritable(&error))?;
    let checkpoints = opened.log.checkpoints().await;
    for stored in checkpoints.map_err(|error| place::broker(&error))? {
        let written = archive.checkpoint(stored.seq, &stored.note);
        written.map_err(|error| unwritable(&error))?;
    }
    let (commits, head) = commits(opened, &mut archive).await?;
    let mut vault = 0;
    if with_vault {
        let values = opened.log.sealed_values().await;
        for (key, sealed) in values.map_err(|error| place::broker(&error))? {
            let written = archive.vault(&key, &sealed);
            written.map_err(|error| unwritable(&error))?;
            vault += 1;
        }
    }
    let finished = archive.finish().and_then(|out| {
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    });
    finished.map_err(|error| unwritable(&error))?;
    Ok(Written {
        commits,
        head,
        vault,
        signed,
    })
}

/// Signs what is exported, where there are keys.
async fn sign(opened: &Opened) -> Result<bool, Failure> {
    let Some(vault) = &opened.vault else {
        return Ok(false);
    };
    match opened.log.sign_checkpoint(vault).await {
        Ok(_) => Ok(true),
        Err(CheckpointError::Damaged(finding)) => Err(damaged(&finding)),
        Err(error) => Err(Failure::caused("the log cannot be signed", &error)),
    }
}

async fn commits(
    opened: &Opened,
    archive: &mut ArchiveWriter<BufWriter<File>>,
) -> Result<(u64, Digest), Failure> {
    let log = &opened.log;
    let scan = log.scan(1).await;
    let mut scan = scan.map_err(|error| place::broker(&error))?;
    let mut chain_of = Chain::new(Copy::Log);
    let mut next = 1;
    let bar = progress::commits(scan.end());
    loop {
        let batch = scan.next_batch(BATCH).await;
        let batch = batch.map_err(|error| Failure::new(Kind::Failed, chain(&error)))?;
        let Some(batch) = batch else { break };
        for message in batch {
            let subject = log.commit_subject(&message);
            (next..message.seq).for_each(|seq| chain_of.step(seq, None, None));
            next = message.seq + 1;
            let link = Link::of(message.seq, subject, &message.payload, None);
            chain_of.step(message.seq, Some(&link), None);
            archive
                .commit(message.seq, subject, &message.payload)
                .map_err(|error| unwritable(&error))?;
            bar.inc(1);
        }
    }
    (next..=scan.end()).for_each(|seq| chain_of.step(seq, None, None));
    bar.finish_and_clear();
    let (report, findings) = chain_of.finish();
    match findings.first() {
        Some(finding) => Err(damaged(finding)),
        None => Ok((report.commits, report.head)),
    }
}

fn create(path: &Path) -> io::Result<ArchiveWriter<BufWriter<File>>> {
    let _ = fs::remove_file(path);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut out = BufWriter::new(file);
    out.flush()?;
    ArchiveWriter::new(out)
}

fn damaged(finding: &Finding) -> Failure {
    let told = format!("{finding}: a damaged log is not exported; run `maestro log verify`");
    Failure::new(Kind::Failed, told)
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::caused("the export cannot be written", error)
}
