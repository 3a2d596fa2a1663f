//! Verifies a file with nothing but itself and, if given, public keys.

use std::{collections::BTreeMap, io::Read};

use bytes::Bytes;
use maestro_domain::Digest;
use serde::Serialize;

use super::reader::{ArchiveError, ArchiveReader, Record};
use crate::{Chain, Checkpoint, Copy, CopyReport, Finding, Link, NoteError, NoteKey};

/// What a verification of a file found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    /// Its commits.
    pub export: CopyReport,
    /// The last commit that a checkpoint by a given key covers; 0 when there is none.
    pub signed_to: u64,
    /// Checkpoints and vault entries in the file.
    pub checkpoints: u64,
    /// Values of the vault in the file.
    pub vault: u64,
    /// What is wrong with the commits, in the order of the sequences.
    pub findings: Vec<Finding>,
    /// What else is wrong, in words.
    pub problems: Vec<String>,
    /// The last commit.
    #[serde(skip)]
    pub(crate) last: Bytes,
}

impl ArchiveReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty() && self.problems.is_empty()
    }
}

struct Verifying<'a> {
    keys: &'a [NoteKey],
    chain: Chain,
    next: u64,
    signed: BTreeMap<u64, Digest>,
    signed_to: u64,
    checkpoints: u64,
    vault: u64,
    misplaced: Vec<Finding>,
    /// All commits were read.
    complete: bool,
    problems: Vec<String>,
    last: Bytes,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the rest of the file and verifies it. With `keys`, a checkpoint must be signed by one
    /// of them; without, checkpoints are compared but prove nothing. `progress` is called with the
    /// sequence of every commit.
    pub fn verify(&mut self, keys: &[NoteKey], progress: impl Fn(u64)) -> ArchiveReport {
        let mut verifying = Verifying {
            keys,
            chain: Chain::new(Copy::Export),
            next: 1,
            signed: BTreeMap::new(),
            signed_to: 0,
            checkpoints: 0,
            vault: 0,
            misplaced: Vec::new(),
            complete: false,
            problems: Vec::new(),
            last: Bytes::new(),
        };
        loop {
            match self.next_record() {
                Ok(Some(record)) => verifying.take(record, &progress),
                Ok(None) => break,
                Err(error) => {
                    verifying.broken_off(&error);
                    break;
                }
            }
        }
        verifying.finish()
    }
}

impl Verifying<'_> {
    fn take(&mut self, record: Record, progress: &impl Fn(u64)) {
        match record {
            Record::Checkpoint { seq, note, intact } => self.checkpoint(seq, &note, intact),
            Record::Commit {
                seq,
                subject,
                bytes,
                recorded,
            } => {
                if seq < self.next {
                    let (copy, at) = (Copy::Export, self.next);
                    let finding = Finding::Number {
                        copy,
                        seq: at,
                        n: seq,
                    };
                    self.misplaced.push(finding);
                    return;
                }
                self.missing_before(seq);
                let link = Link::of(seq, &subject, &bytes, Some(recorded));
                let signed = self.signed.get(&seq).copied();
                self.chain.step(seq, Some(&link), signed);
                self.next = seq + 1;
                self.last = bytes;
                progress(seq);
            }
            Record::Vault { key, intact, .. } => {
                self.vault += 1;
                self.complete = true;
                if !intact {
                    let problem = format!("the vault's value of {key} was changed");
                    self.problems.push(problem);
                }
            }
            Record::End { commits } => {
                self.complete = true;
                self.missing_before(commits.saturating_add(1));
            }
        }
    }

    fn checkpoint(&mut self, seq: u64, note: &str, intact: bool) {
        self.checkpoints += 1;
        let opened = match self.keys {
            [] => Checkpoint::unverified(note),
            keys => Checkpoint::open(note, keys),
        };
        match opened {
            Ok(checkpoint) if intact => {
                self.signed.insert(checkpoint.n, checkpoint.hash);
                if !self.keys.is_empty() {
                    self.signed_to = self.signed_to.max(checkpoint.n);
                }
            }
            // Of an earlier key, or a later one.
            Err(NoteError::UnknownKey) if intact => {}
            Ok(_) | Err(_) => self
                .problems
                .push(format!("checkpoint {seq} is not authentic")),
        }
    }

    fn missing_before(&mut self, seq: u64) {
        // A number that was made up must not keep this busy for ever.
        let seq = seq.min(self.next.saturating_add(1 << 32));
        (self.next..seq).for_each(|missing| {
            let signed = self.signed.get(&missing).copied();
            self.chain.step(missing, None, signed);
        });
        self.next = self.next.max(seq);
    }

    fn broken_off(&mut self, error: &ArchiveError) {
        let behind = self.next - 1;
        if !self.complete {
            self.missing_before(self.next + 1);
        }
        let mut problem = error.to_string();
        if let ArchiveError::Io(source) = error {
            problem = format!("{problem}: {source}");
        }
        self.problems
            .push(format!("{problem}, behind commit {behind}"));
    }

    fn finish(mut self) -> ArchiveReport {
        if !self.keys.is_empty() && self.signed_to == 0 {
            let problem = "no checkpoint is signed by a given key";
            self.problems.push(problem.to_owned());
        }
        let signed_end = self.signed.last_key_value().map_or(0, |(n, _)| *n);
        self.missing_before(signed_end + 1);
        let (mut export, mut findings) = self.chain.finish();
        findings.extend(self.misplaced);
        findings.sort_by_key(Finding::seq);
        export.whole = findings.is_empty();
        ArchiveReport {
            export,
            signed_to: self.signed_to,
            checkpoints: self.checkpoints,
            vault: self.vault,
            findings,
            problems: self.problems,
            last: self.last,
        }
    }
}
