//! Ends that somebody demands.

use std::time::Duration;

use super::{Ended, Laboratory, SOON, Work};
use crate::wait_until;

/// It does not outlive its deadline.
pub(super) async fn deadline<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let mut work = Work::script(lab, "echo begun; trap '' TERM; while :; do sleep 0.1; done");
    work.timeout = Duration::from_secs(1);
    let run = lab.submit(work).await;
    assert_eq!(lab.ended(&run).await, Ended::DeadlineExceeded);
    assert_eq!(lab.output(&run).await.stdout, b"begun\n");
    lab.stop(executor).await;
}

/// A cancel ends it, and it may say goodbye.
pub(super) async fn cancel_while_running<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let run = lab.submit(Work::script(lab, script)).await;
    lab.shows(&run, "ready").await;
    lab.cancel(&run).await;
    assert_eq!(lab.ended(&run).await, Ended::Canceled);
    assert_eq!(lab.output(&run).await.stdout, b"ready\nbye\n");
    lab.stop(executor).await;
}

/// What does not listen is killed.
pub(super) async fn cancel_of_what_ignores_it<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    let run = lab
        .submit(Work::script(
            lab,
            "trap '' TERM; echo ready; while :; do sleep 0.05; done",
        ))
        .await;
    lab.shows(&run, "ready").await;
    lab.cancel(&run).await;
    assert_eq!(lab.ended(&run).await, Ended::Canceled);
    lab.stop(executor).await;
}

/// A cancel that races with the creation ends it all the same, whatever is first.
pub(super) async fn cancel_as_soon_as_it_is_claimed<L: Laboratory>(lab: &L) {
    let executor = lab.executor().await;
    for _ in 0..5 {
        let run = lab.submit(Work::script(lab, "exec sleep 1000")).await;
        lab.cancel(&run).await;
        assert_eq!(lab.ended(&run).await, Ended::Canceled);
    }
    lab.stop(executor).await;
}

/// A cancel before anything runs: nothing ever runs.
pub(super) async fn cancel_before_the_pod_has_a_node<L: Laboratory>(lab: &L) {
    let cluster = lab.cluster().expect("needed");
    cluster.pause_scheduler(true);
    let executor = lab.executor().await;
    let run = lab.submit(Work::script(lab, "exit 0")).await;
    wait_until(SOON, async || cluster.objects("pods").len() == 1).await;
    lab.cancel(&run).await;
    assert_eq!(lab.ended(&run).await, Ended::Canceled);
    cluster.pause_scheduler(false);
    assert!(!lab.has_started(&run));
    assert_eq!(cluster.most_live(), 0);
    lab.stop(executor).await;
}
