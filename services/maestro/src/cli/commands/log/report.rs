//! What a verification found, for people and scripts.

use std::fmt::Write as _;

use maestro_eventlog::{CopyReport, Finding, Report, Whole};
use serde::Serialize;

use crate::cli::{
    failure::{Failure, Kind},
    output::{Output, Paint, text_of},
};

/// Findings shown to people; scripts get all of them.
const SHOWN: usize = 50;

/// What was found in a deployment.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    #[serde(flatten)]
    pub(super) report: Report,
    /// What is wrong with checkpoints, in words.
    pub(super) problems: Vec<String>,
}

#[derive(Serialize)]
struct Out<'a> {
    ok: bool,
    #[serde(flatten)]
    verified: &'a Verified,
}

/// Prints the report; damage is a failure.
pub(super) fn print(output: Output, verified: &Verified) -> Result<(), Failure> {
    let ok = verified.report.findings.is_empty() && verified.problems.is_empty();
    let out = Out { ok, verified };
    output.print(&out, |output| render(output, verified))?;
    if ok {
        return Ok(());
    }
    Err(Failure::new(Kind::Failed, conclusion(&verified.report)))
}

fn conclusion(report: &Report) -> String {
    let runbook = "docs/runbooks/log-damage.md";
    let Some(first) = report.findings.first() else {
        return format!("checkpoints are not authentic: {runbook}");
    };
    let told = match report.whole {
        Whole::Journal => "the journal is whole",
        Whole::Log => "EVENTS is whole, the journal is the damaged copy",
        Whole::Both | Whole::Neither => "no copy is known to be whole",
    };
    format!("damaged from commit {} on; {told}: {runbook}", first.seq())
}

fn render(output: Output, verified: &Verified) -> String {
    let Verified { report, problems } = verified;
    let mut table = output.table(&["COPY", "STATE", "COMMITS", "LAST", "HASH OF THE LAST"]);
    table.add_row(row("EVENTS", &report.log));
    if let Some(journal) = &report.journal {
        table.add_row(row("journal", journal));
    }
    let mut text = text_of(&table);
    if report.journal_behind > 0 && report.findings.is_empty() {
        let behind = report.journal_behind;
        let _ = write!(text, "\nthe journal is {behind} commits behind; it follows");
    }
    if report.signed_to > 0 {
        let _ = write!(text, "\nsigned up to commit {}", report.signed_to);
    }
    text.push_str(&wrong(output, &report.findings, problems));
    text
}

/// A line for everything that is wrong.
pub(super) fn wrong(output: Output, findings: &[Finding], problems: &[String]) -> String {
    let mut text = String::new();
    let findings = findings.iter().map(ToString::to_string);
    let all: Vec<_> = findings.chain(problems.iter().cloned()).collect();
    for line in all.iter().take(SHOWN) {
        let _ = write!(text, "\n{}", output.paint(line, Paint::Bad));
    }
    if all.len() > SHOWN {
        let more = all.len() - SHOWN;
        let _ = write!(text, "\nand {more} more: --output json names them all");
    }
    text
}

/// A row about one copy.
pub(super) fn row(name: &'static str, copy: &CopyReport) -> Vec<comfy_table::Cell> {
    let state = if copy.whole {
        Paint::Good.cell("whole")
    } else {
        Paint::Bad.cell("damaged")
    };
    vec![
        name.into(),
        state,
        copy.commits.into(),
        copy.last.into(),
        copy.head.into(),
    ]
}
