//! Controllers: each looks at the state and changes what is not as it should be.

mod garbage;
mod job;
mod job_pods;
mod namespace;
mod quota;
mod scheduler;

use std::{sync::Arc, time::Duration};

use super::{cluster::Cluster, kubelet, state::State};

/// Reconciles after every change and when a timer is due, until the cluster stops.
pub(crate) async fn run(cluster: Arc<Cluster>) {
    let mut changes = cluster.lock().subscribe();
    loop {
        changes.borrow_and_update();
        let wait = {
            let mut state = cluster.lock();
            let due = reconcile(&mut state);
            kubelet::start_pods(&cluster, &mut state);
            due.map_or(Duration::from_secs(60), |due| state.clock.until(due))
        };
        tokio::select! {
            () = cluster.stop.cancelled() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One pass of every controller; returns when the next one is due without a change.
fn reconcile(state: &mut State) -> Option<i128> {
    namespace::reconcile(state);
    garbage::reconcile(state);
    let due = job::reconcile(state);
    scheduler::reconcile(state);
    quota::reconcile(state);
    due
}
