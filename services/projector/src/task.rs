//! What the projector does all the time.

use std::{sync::Arc, time::Duration};

use maestro_readmodel::{CommitSource, Error, Health, Progress, ReadModel, Runner};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::Config;

/// Pause before Postgres is asked again.
const POSTGRES_PAUSE: Duration = Duration::from_secs(1);

/// Applies the migrations, waiting for Postgres.
pub(crate) async fn migrate(model: &ReadModel) -> Result<(), Error> {
    loop {
        match model.migrate().await {
            Err(error) if error.is_unavailable() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "waiting for Postgres"
                );
                sleep(POSTGRES_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Runs one projection for ever. What stopped may have been mended meanwhile, so it is tried again.
pub(crate) async fn follow(config: Config, runner: Runner) {
    loop {
        runner.run().await;
        sleep(config.retry_stopped()).await;
    }
}

/// Measures how far each projection is behind the log, and whether it works.
pub(crate) async fn measure(
    config: Config,
    source: Arc<dyn CommitSource>,
    progress: Vec<(&'static str, watch::Receiver<Progress>)>,
) {
    let mut ticks = interval(config.measure_every());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let last = source.last().await;
        for (name, progress) in &progress {
            let Progress { health, revision } = progress.borrow().clone();
            let works = matches!(
                health,
                Health::Following | Health::Standby | Health::Rebuilding
            );
            metrics::gauge!("maestro_projection_up", "projection" => *name).set(if works {
                1.0
            } else {
                0.0
            });
            if let Ok(last) = last {
                metrics::gauge!("maestro_projection_lag_commits", "projection" => *name)
                    .set(last.saturating_sub(revision) as f64);
            }
        }
    }
}
