//! Rebuilds every projection.

use std::{sync::Arc, time::Duration};

use maestro_eventlog::{EventLog, Settings};
use maestro_readmodel::{CommitSource, JobKind, JobState, ReadModel, projections};
use maestro_runtime::clock::monotonic;
use maestro_testkit::history::History;

use crate::{
    Outcome,
    source::{Known, Log},
};

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Builds all projections beside the live tables and switches; the seconds until the last one is
/// there.
pub(crate) async fn run(nats: &str, database: &str, commits: u64) -> Outcome<f64> {
    let log = EventLog::connect(&Settings::single(nats)).await?;
    let model = ReadModel::connect(database)?;
    model.migrate().await?;
    let source: Arc<dyn CommitSource> = Arc::new(Log(log));
    let names = Known(History::seeded(1).names().into_iter().collect());
    for projection in projections::all() {
        model.ask(projection.name(), JobKind::Rebuild, None).await?;
    }
    let began = monotonic();
    let rebuilder = model.rebuilder(&source, Arc::new(names));
    let over = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let jobs = model.jobs().await?;
            if jobs.iter().all(|job| job.state.is_over()) {
                return Outcome::Ok(jobs);
            }
        }
    };
    let jobs = tokio::select! {
        jobs = over => jobs?,
        never = rebuilder.run() => match never {},
    };
    let seconds = began.elapsed().as_secs_f64();
    for job in jobs {
        if job.state != JobState::Done || job.revision != commits {
            return Err(format!("{job:?}").into());
        }
    }
    Ok(seconds)
}
