//! `maestro log verify`.

use std::collections::BTreeMap;

use clap::Args;
use maestro_eventlog::{Audit, Error, Report};

use super::{
    links::Links,
    place::{self, Opened, Place},
    report,
};
use crate::cli::{failure::Failure, progress, session::Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro log verify                    EVENTS against its hash chain and the journal
  maestro log verify --output json      every finding, for a script
  maestro log verify --nats nats://n1:4222 --database postgres://…

Exits with 1 when a commit is missing or was changed. What to do then: docs/runbooks/log-damage.md";

/// Options of `maestro log verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// Check EVENTS by its hash chain alone
    #[arg(long)]
    no_journal: bool,
}

impl Verify {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let journal = !self.no_journal;
        let report = self
            .place
            .with(session, async |opened| audit(opened, journal).await)
            .await?;
        report::print(session.output, &report)
    }
}

/// Compares EVENTS with its chain, and with the journal where there is one.
pub(super) async fn audit(opened: &Opened, journal: bool) -> Result<Report, Failure> {
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
    let mut audit = Audit::new(log_end, journal_end, BTreeMap::new());
    let bar = progress::commits(audit.end());
    for seq in 1..=audit.end() {
        let (log, journal) = (log.at(seq).await?, journal.at(seq).await?);
        audit.step(seq, log.as_ref(), journal.as_ref());
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(audit.finish())
}
