//! Verifying an export without any server.

use std::{fs::File, path::Path};

use maestro_eventlog::{ArchiveReader, ArchiveReport, Finding, NoteKey};
use serde::Serialize;

use super::report::{row, wrong};
use crate::cli::{
    failure::{Failure, Kind, chain},
    output::{Output, text_of},
    progress,
};

/// Opens an export.
pub(super) fn open(path: &Path) -> Result<ArchiveReader<File>, Failure> {
    let shown = path.display();
    let file = File::open(path)
        .map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    ArchiveReader::open(file)
        .map_err(|error| Failure::new(Kind::Failed, format!("{shown}: {}", chain(&error))))
}

/// Verifies an export.
pub(super) fn verify(path: &Path, keys: &[NoteKey]) -> Result<ArchiveReport, Failure> {
    let mut archive = open(path)?;
    let bar = progress::counting();
    let report = archive.verify(keys, |seq| bar.set_position(seq));
    bar.finish_and_clear();
    Ok(report)
}

#[derive(Serialize)]
struct Out<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a ArchiveReport,
}

/// Prints what was found; damage is a failure.
pub(super) fn print(output: Output, report: &ArchiveReport) -> Result<(), Failure> {
    let ok = report.is_whole();
    output.print(&Out { ok, report }, |output| {
        let mut table = output.table(&["COPY", "STATE", "COMMITS", "LAST", "HASH OF THE LAST"]);
        table.add_row(row("export", &report.export));
        let signed = match report.signed_to {
            0 => "no signature was checked: name a public key with --key".to_owned(),
            n => format!("signed up to commit {n}"),
        };
        let wrong = wrong(output, &report.findings, &report.problems);
        format!("{}\n{signed}{wrong}", text_of(&table))
    })?;
    if ok {
        return Ok(());
    }
    let message = match report.findings.first().map(Finding::seq) {
        Some(first) => format!("the export is damaged from commit {first} on"),
        None => "the export is damaged".to_owned(),
    };
    Err(Failure::new(Kind::Failed, message))
}
