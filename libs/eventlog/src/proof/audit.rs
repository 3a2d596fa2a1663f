//! EVENTS compared with the journal and with what checkpoints signed.

use std::collections::BTreeMap;

use maestro_domain::Digest;
use serde::Serialize;

use super::{
    chain::{Chain, CopyReport},
    finding::{Copy, Finding},
    link::Link,
};

/// A comparison under way.
#[derive(Debug)]
pub struct Audit {
    log: Chain,
    journal: Option<Chain>,
    journal_end: u64,
    end: u64,
    signed: BTreeMap<u64, Digest>,
    differences: Vec<Finding>,
}

/// Which copies hold the history as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whole {
    /// Both.
    Both,
    /// EVENTS only.
    Log,
    /// The journal only, and it reaches to the end.
    Journal,
    /// None that can be told.
    Neither,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Number of the last commit that any evidence names.
    pub end: u64,
    /// EVENTS.
    pub log: CopyReport,
    /// The journal, where there is one.
    pub journal: Option<CopyReport>,
    /// Commits at the end that the journal does not hold yet. No damage: it follows the log.
    pub journal_behind: u64,
    /// The last commit that a checkpoint signed; 0 when there is none.
    pub signed_to: u64,
    /// Which copies are whole.
    pub whole: Whole,
    /// What is wrong, in the order of the sequences.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Compares EVENTS, whose last sequence is `log_end`, with a journal that ends at
    /// `journal_end` (`None`: without a journal) and with the hashes that checkpoints signed. The
    /// end of the journal must be read before that of EVENTS.
    #[must_use]
    pub fn new(log_end: u64, journal_end: Option<u64>, signed: BTreeMap<u64, Digest>) -> Self {
        let signed_end = signed.last_key_value().map_or(0, |(n, _)| *n);
        Self {
            log: Chain::new(Copy::Log),
            journal: journal_end.map(|_| Chain::new(Copy::Journal)),
            journal_end: journal_end.unwrap_or(0),
            end: log_end.max(journal_end.unwrap_or(0)).max(signed_end),
            signed,
            differences: Vec::new(),
        }
    }

    /// The last sequence to be taken in.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The number of findings so far.
    #[must_use]
    pub fn found(&self) -> usize {
        let journal = self.journal.as_ref().map_or(0, Chain::found);
        self.log.found() + journal + self.differences.len()
    }

    /// Takes in what both copies hold at `seq`; called for every sequence from 1 to [`Self::end`].
    pub fn step(&mut self, seq: u64, log: Option<&Link>, journal: Option<&Link>) {
        let signed = self.signed.get(&seq).copied();
        self.log.step(seq, log, signed);
        if let Some(chain) = &mut self.journal
            && seq <= self.journal_end
        {
            chain.step(seq, journal, signed);
        }
        if let (Some(log), Some(journal)) = (log, journal)
            && log.hash != journal.hash
        {
            self.differs(seq);
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Report {
        let signed_to = self.signed.last_key_value().map_or(0, |(n, _)| *n);
        let (log, mut findings) = self.log.finish();
        let journal = self.journal.map(Chain::finish).map(|(report, found)| {
            findings.extend(found);
            report
        });
        let journal_behind = match &journal {
            Some(_) => self.end - self.journal_end,
            None => 0,
        };
        let reaches = journal_behind == 0;
        let alike = self.differences.is_empty();
        let whole = match (log.whole, journal.as_ref().map(|report| report.whole)) {
            (true, None | Some(false)) => Whole::Log,
            (true, Some(true)) if alike && reaches => Whole::Both,
            (true, Some(true)) if alike => Whole::Log,
            (false, Some(true)) if reaches => Whole::Journal,
            _ => Whole::Neither,
        };
        findings.extend(self.differences);
        findings.sort_by_key(Finding::seq);
        Report {
            end: self.end,
            log,
            journal,
            journal_behind,
            signed_to,
            whole,
            findings,
        }
    }

    fn differs(&mut self, seq: u64) {
        match self.differences.last_mut() {
            Some(Finding::Differs { to, .. }) if *to + 1 == seq => *to = seq,
            _ => self
                .differences
                .push(Finding::Differs { from: seq, to: seq }),
        }
    }
}
