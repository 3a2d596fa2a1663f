//! Waits for jobs, with a bar for each on a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use maestro_readmodel::{Job, JobState, ReadModel};

use super::failure;
use crate::cli::failure::Failure;

/// How often it is asked how far they are.
const ASK_EVERY: Duration = Duration::from_millis(300);
const TEMPLATE: &str =
    "{prefix:12} {bar:30} {percent:>3} %  {pos}/{len}  {per_sec}  {eta} left  {msg}";

/// Returns the jobs when all are over. Ending this leaves them to the projector.
pub(super) async fn until_over(model: &ReadModel, mut jobs: Vec<Job>) -> Result<Vec<Job>, Failure> {
    let all = MultiProgress::new();
    let bars: Vec<ProgressBar> = jobs.iter().map(|job| all.add(bar(job))).collect();
    loop {
        let now = model.jobs().await.map_err(failure)?;
        for (job, bar) in jobs.iter_mut().zip(&bars) {
            let same = |other: &&Job| other.projection == job.projection && other.kind == job.kind;
            if let Some(found) = now.iter().find(same)
                && found.number == job.number
            {
                *job = found.clone();
            }
            show(bar, job);
        }
        if jobs.iter().all(|job| job.state.is_over()) {
            return Ok(jobs);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn bar(job: &Job) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE);
    ProgressBar::new(job.target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(job.projection.clone())
}

fn show(bar: &ProgressBar, job: &Job) {
    if bar.position() == 0 && job.revision > 0 {
        // What an interrupted projector did before says nothing of the rate.
        bar.reset_eta();
    }
    bar.set_length(job.target);
    bar.set_position(job.revision);
    bar.set_message(match (job.state, &job.message) {
        (JobState::Waiting, None) => "waiting for a projector".to_owned(),
        (state, None) => state.as_str().to_owned(),
        (state, Some(why)) => format!("{}: {why}", state.as_str()),
    });
    if job.state.is_over() {
        bar.finish_and_clear();
    }
}
