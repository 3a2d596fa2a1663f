//! `maestro projections list`.

use maestro_readmodel::{Job, ProjectionStatus, ReadModel};
use serde::Serialize;

use super::failure;
use crate::cli::{
    failure::Failure,
    output::{Output, Paint, text_of},
    session::Session,
};

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    version: u32,
    /// Version that this build writes.
    wanted: u32,
    revision: u64,
    stopped: Option<String>,
    jobs: Vec<Job>,
}

pub(super) async fn run(session: &Session, model: &ReadModel) -> Result<(), Failure> {
    let projections = model.projections().await.map_err(failure)?;
    let jobs = model.jobs().await.map_err(failure)?;
    let listed: Vec<Listed> = projections
        .into_iter()
        .map(|projection| with_jobs(projection, &jobs))
        .collect();
    session
        .output
        .print(&listed, |output| render(output, &listed))
}

fn with_jobs(projection: ProjectionStatus, jobs: &[Job]) -> Listed {
    let of_it = |job: &&Job| job.projection == projection.name;
    Listed {
        jobs: jobs.iter().filter(of_it).cloned().collect(),
        name: projection.name,
        version: projection.version,
        wanted: projection.wanted,
        revision: projection.revision,
        stopped: projection.stopped,
    }
}

fn render(output: Output, listed: &[Listed]) -> String {
    let header = ["PROJECTION", "VERSION", "REVISION", "STATE", "BESIDE IT"];
    let mut table = output.table(&header);
    for each in listed {
        let state = match &each.stopped {
            Some(why) => Paint::Bad.cell(format!("stopped: {why}")),
            None if each.version < each.wanted => {
                Paint::Busy.cell(format!("waits for version {}", each.wanted))
            }
            None => Paint::Good.cell("running"),
        };
        let beside: Vec<String> = each.jobs.iter().map(beside).collect();
        table.add_row(vec![
            each.name.as_str().into(),
            each.version.into(),
            each.revision.into(),
            state,
            beside.join(", ").into(),
        ]);
    }
    text_of(&table)
}

fn beside(job: &Job) -> String {
    let (kind, state) = (job.kind.as_str(), job.state.as_str());
    if job.state.is_over() {
        return match &job.message {
            Some(why) => format!("{kind} {state}: {why}"),
            None => format!("{kind} {state}"),
        };
    }
    let percent = (job.revision * 100).checked_div(job.target).unwrap_or(0);
    format!("{kind} {state} {percent} %")
}
