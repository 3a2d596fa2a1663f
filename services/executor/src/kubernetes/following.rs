//! Following one attempt until it has ended.

use std::sync::Arc;

use maestro_domain::report::Execution;
use maestro_runtime::clock;
use tokio::sync::watch;

use super::{
    calls,
    cluster::Cluster,
    ending::Ending,
    judgement::{Facts, Limits, Verdict, judge},
};
use crate::backend::Observation;

/// Publishes what is seen of an attempt; ends it when it cannot get on.
pub(crate) async fn follow(
    cluster: Arc<Cluster>,
    execution: Execution,
    mut facts: watch::Receiver<Facts>,
    seen: watch::Sender<Observation>,
) {
    let limits = limits(&cluster);
    let mut pauses = calls::pauses();
    loop {
        let now_known = facts.borrow_and_update().clone();
        let acted = match judge(&now_known, &limits, clock::now()) {
            Verdict::Seen {
                observation,
                look_again,
            } => {
                if publish(&seen, observation) {
                    return;
                }
                tokio::select! {
                    changed = facts.changed() => if changed.is_err() { return },
                    () = clock::sleep_until(look_again) => {}
                }
                continue;
            }
            Verdict::Unsure => {
                let key = (execution.run, execution.attempt);
                cluster.refresh(key).await
            }
            Verdict::Condemned(ending) => condemn(&cluster, execution, &ending).await,
        };
        match acted {
            Ok(()) => pauses = calls::pauses(),
            Err(error) => {
                tracing::error!(run.id = %execution.run, %error, "an attempt cannot be looked after");
                pauses.wait_jittered().await;
            }
        }
    }
}

async fn condemn(
    cluster: &Cluster,
    execution: Execution,
    ending: &Ending,
) -> Result<(), calls::CallError> {
    tracing::warn!(
        run.id = %execution.run,
        run.attempt = execution.attempt,
        end = ?ending.end,
        "ending an attempt that cannot get on"
    );
    if !cluster.end(execution, ending).await? {
        cluster.refresh((execution.run, execution.attempt)).await?;
    }
    Ok(())
}

fn limits(cluster: &Cluster) -> Limits {
    let config = &cluster.settings.config;
    Limits {
        unschedulable_s: config.unschedulable_after_s,
        image_pull_s: config.image_pull_after_s,
        launch_s: config.launch_after_s,
        start_s: config.start_within_s,
    }
}

/// Observations only move on. Returns whether the attempt has ended.
fn publish(seen: &watch::Sender<Observation>, observation: Observation) -> bool {
    let ended = observation.has_ended();
    seen.send_if_modified(|last| {
        let moves_on = rank(&observation) >= rank(last) && *last != observation;
        if moves_on {
            *last = observation;
        }
        moves_on
    });
    ended
}

const fn rank(observation: &Observation) -> u8 {
    match observation {
        Observation::Starting => 0,
        Observation::Running { .. } => 1,
        Observation::Ended { .. } => 2,
    }
}
