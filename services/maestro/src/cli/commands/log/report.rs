//! What a verification found, for people and scripts.

use maestro_eventlog::{CopyReport, Report, Whole};
use serde::Serialize;

use crate::cli::{
    failure::{Failure, Kind},
    output::{Output, Paint, text_of},
};

/// Findings shown to people; scripts get all of them.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Out<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// Prints the report; damage is a failure.
pub(super) fn print(output: Output, report: &Report) -> Result<(), Failure> {
    let ok = report.findings.is_empty();
    output.print(&Out { ok, report }, |output| render(output, report))?;
    if ok {
        return Ok(());
    }
    Err(Failure::new(Kind::Failed, conclusion(report)))
}

fn conclusion(report: &Report) -> String {
    let first = report.findings[0].seq();
    let told = match report.whole {
        Whole::Journal => "the journal is whole and can restore it",
        Whole::Log => "EVENTS is whole, the journal is the damaged copy",
        Whole::Both | Whole::Neither => "no copy is known to be whole",
    };
    format!("the log is damaged from commit {first} on: {told} (docs/runbooks/log-damage.md)")
}

fn render(output: Output, report: &Report) -> String {
    let mut table = output.table(&["COPY", "STATE", "COMMITS", "LAST", "HASH OF THE LAST"]);
    table.add_row(row("EVENTS", &report.log));
    if let Some(journal) = &report.journal {
        table.add_row(row("journal", journal));
    }
    let mut text = text_of(&table);
    if report.journal_behind > 0 && report.findings.is_empty() {
        let behind = report.journal_behind;
        text.push_str(&format!("\nthe journal is {behind} commits behind; it follows"));
    }
    if report.signed_to > 0 {
        text.push_str(&format!("\nsigned to commit {}", report.signed_to));
    }
    for finding in report.findings.iter().take(SHOWN) {
        text.push_str(&format!("\n{}", output.paint(&finding.to_string(), Paint::Bad)));
    }
    if report.findings.len() > SHOWN {
        let more = report.findings.len() - SHOWN;
        text.push_str(&format!("\nand {more} more: --output json names them all"));
    }
    text
}

fn row(name: &'static str, copy: &CopyReport) -> Vec<comfy_table::Cell> {
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
