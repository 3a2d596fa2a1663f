//! `maestro runs show`.

use clap::Args;
use maestro_contracts::v1::{Attempt, GetRunRequest, GetRunResponse, Run, TimelineEntry};

use super::{paint_of, status_of};
use crate::cli::{
    failure::Failure,
    options::Connection,
    output::{Output, Paint},
    session::Session,
    times,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro runs show run_0f9a2c315b6e5d1c9a7e2b4c6d8e0f12
  maestro runs show RUN --output json | jq '.timeline[].type'";

/// Options of `maestro runs show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Id of the run
    #[arg(value_name = "RUN")]
    id: String,
    #[command(flatten)]
    connection: Connection,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.runs();
        let request = GetRunRequest {
            id: self.id,
            read: None,
        };
        let story = client.get_run(request).await?.into_inner();
        session
            .output
            .print(&story, |output| render(output, &story))
    }
}

fn render(output: Output, story: &GetRunResponse) -> String {
    let mut lines = story
        .run
        .as_ref()
        .map_or_else(Vec::new, |run| facts(output, run));
    lines.extend(story.attempts.iter().flat_map(|each| attempt(output, each)));
    if !story.retry_ids.is_empty() {
        lines.push(fact(output, "Repeated as", &story.retry_ids.join(" ")));
    }
    lines.push(String::new());
    lines.extend(story.timeline.iter().map(|entry| timeline(output, entry)));
    lines.join("\n")
}

fn facts(output: Output, run: &Run) -> Vec<String> {
    let now = maestro_runtime::clock::now();
    let (status, color) = status_of(run);
    let why = match (run.reason.as_str(), run.exit_code) {
        ("", _) => String::new(),
        ("exit_code", Some(code)) => format!(" (exit code {code})"),
        (reason, _) => format!(" ({reason})"),
    };
    let time = |time| times::at(time).map(|at| at.to_string()).unwrap_or_default();
    let facts = [
        ("Run", run.id.clone()),
        ("Status", format!("{}{why}", output.paint(status, color))),
        ("Project", run.project.clone()),
        ("Trigger", format!("{} → {}", run.trigger, run.name)),
        (
            "Cause",
            format!("{} delivery {}", run.event, run.delivery_id),
        ),
        ("Repository", run.repository.clone()),
        ("Sender", run.sender.clone()),
        ("Pool", run.pool.clone()),
        ("Attempt", run.attempt.to_string()),
        ("Requested", time(run.requested_at)),
        ("Started", time(run.started_at)),
        ("Finished", time(run.finished_at)),
        (
            "Duration",
            times::between(run.started_at, run.finished_at, now),
        ),
        ("Trace", run.trace_id.clone()),
        ("Repeats", run.retry_of.clone()),
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| fact(output, name, &value))
        .collect()
}

fn fact(output: Output, name: &str, value: &str) -> String {
    format!(
        "{} {value}",
        output.paint(&format!("{name:11}"), Paint::Faint)
    )
}

/// How an attempt stands or ended, where it is or was, and what the system said.
fn attempt(output: Output, attempt: &Attempt) -> Vec<String> {
    let now = maestro_runtime::clock::now();
    let (status, color) = paint_of(attempt.status());
    let mut what = output.paint(status, color);
    match (attempt.reason.as_str(), attempt.fault.as_str()) {
        ("", _) => {}
        (reason, "") => what.push_str(&format!(" ({reason})")),
        (reason, fault) => what.push_str(&format!(" ({reason}, {fault})")),
    }
    if attempt.started_at.is_some() {
        let took = times::between(attempt.started_at, attempt.finished_at, now);
        what.push_str(&format!(" {took}"));
    }
    let mut lines = vec![String::new()];
    lines.push(fact(output, &format!("Attempt {}", attempt.number), &what));
    let place = attempt.place.clone().unwrap_or_default();
    let known = [
        ("  Namespace", &place.namespace),
        ("  Job", &place.job),
        ("  Pod", &place.pod),
        ("  Node", &place.node),
        ("  Executor", &attempt.executor_id),
    ];
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    lines.extend(known.map(|(name, value)| fact(output, name, value)));
    // Indented, so that what a system said is not taken for what Maestro says.
    lines.extend(
        printable(&attempt.detail)
            .lines()
            .map(|line| fact(output, "  Said", line)),
    );
    lines
}

/// Text from outside without what steers a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control() || *char == '\n')
        .collect()
}

fn timeline(output: Output, entry: &TimelineEntry) -> String {
    let at = times::at(entry.at)
        .map(|at| at.to_string())
        .unwrap_or_default();
    format!(
        "{} {:22} {}",
        output.paint(&format!("{at:24} #{:<6}", entry.revision), Paint::Faint),
        entry.r#type,
        entry.summary
    )
}
