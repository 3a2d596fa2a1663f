//! `maestro runs show`.

use clap::Args;
use maestro_contracts::v1::{GetRunRequest, GetRunResponse, Run, TimelineEntry};

use super::status_of;
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
    ];
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            format!(
                "{} {value}",
                output.paint(&format!("{name:11}"), Paint::Faint)
            )
        })
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
