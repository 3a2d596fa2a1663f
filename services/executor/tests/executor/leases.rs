//! What an executor may do, and what it is told to do, while its leases come and go.

use std::path::Path;

use maestro_domain::{
    ExecutorId, Report,
    report::{End, Execution, Order, ReportMessage},
};
use maestro_testkit::wait_until;

use crate::bench::{Bench, SOON, assignment, shell};

/// So short that a test can wait for its end.
const SHORT_TERM_MS: u64 = 1_200;

async fn id(bench: &Bench) -> ExecutorId {
    wait_until(SOON, async || !bench.conductor.messages().is_empty()).await;
    bench.conductor.messages()[0].executor
}

fn inventories(bench: &Bench) -> usize {
    bench
        .conductor
        .count(|report| matches!(report, Report::Inventory { .. }))
}

fn claims(bench: &Bench, execution: Execution) -> usize {
    bench
        .conductor
        .count(|report| *report == Report::Claim(execution))
}

fn ends(bench: &Bench, wanted: Execution) -> usize {
    bench.conductor.count(
        |report| matches!(report, Report::Finished { execution, .. } if *execution == wanted),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_claimed_before_a_heartbeat_is_answered() {
    let bench = Bench::new().await;
    bench
        .conductor
        .set(|policy| policy.silent_heartbeats = true);
    let executor = bench.executor();
    let execution = bench.shell("exit 0").await;
    bench.conductor.ignored(2).await;
    assert!(inventories(&bench) >= 1);
    assert_eq!(claims(&bench, execution), 0);
    bench
        .conductor
        .set(|policy| policy.silent_heartbeats = false);
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 0 });
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_cut_off_claims_again_and_creates_nothing_that_is_anothers() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| {
        policy.term_ms = SHORT_TERM_MS;
        policy.silent_claims = 1;
    });
    let executor = bench.executor();
    let execution = bench.shell("exit 0").await;
    wait_until(SOON, async || claims(&bench, execution) == 1).await;
    bench
        .conductor
        .set(|policy| policy.silent_heartbeats = true);
    // Two of them time out one after the other: longer than the term.
    bench.conductor.ignored(2).await;
    wait_until(SOON, async || claims(&bench, execution) == 2).await;
    bench.conductor.set(|policy| {
        policy.refuse = true;
        policy.silent_heartbeats = false;
    });
    bench.queue_is_empty().await;
    assert_eq!(claims(&bench, execution), 3, "granted, in doubt, refused");
    assert!(inventories(&bench) >= 2, "it asked what is still its own");
    assert!(!bench.folder(execution).exists());
    executor.stop().await;
    assert_eq!(ends(&bench, execution), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_the_term_goes_on_while_nobody_answers() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.term_ms = SHORT_TERM_MS);
    let executor = bench.executor();
    let execution = bench
        .shell("while ! [ -e go ]; do sleep 0.02; done; exit 4")
        .await;
    bench.started(execution).await;
    bench
        .conductor
        .set(|policy| policy.silent_heartbeats = true);
    bench.conductor.ignored(2).await;
    bench.touch(execution, "go");
    bench
        .conductor
        .set(|policy| policy.silent_heartbeats = false);
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 4 });
    assert_eq!(claims(&bench, execution), 1);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_whose_push_was_lost_comes_with_a_heartbeat() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.term_ms = SHORT_TERM_MS);
    let executor = bench.executor();
    let execution = bench.shell("echo > ready; exec sleep 1000").await;
    bench.file(execution, "ready").await;
    let order = Order::Cancel(assignment(execution));
    let id = id(&bench).await;
    bench
        .conductor
        .set(|policy| policy.orders.push((id, order)));
    assert_eq!(bench.finished(execution).await.0, End::Canceled);
    bench.conductor.heartbeats(2).await;
    assert_eq!(ends(&bench, execution), 1);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_is_claimed_and_what_is_not_there_is_lost() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let id = id(&bench).await;
    let elsewhere = bench.sealed(shell("exit 0")).await.execution;
    let order = Order::Adopt(assignment(elsewhere));
    for _ in 0..3 {
        bench.order(id, order.clone()).await;
    }
    assert_eq!(bench.finished(elsewhere).await, (End::Lost, 0));
    let reports = bench.conductor.reports();
    let adopted = reports
        .iter()
        .position(|report| *report == Report::Adopt(elsewhere));
    let lost = reports.iter().position(
        |report| matches!(report, Report::Finished { execution, .. } if *execution == elsewhere),
    );
    assert!(adopted.unwrap() < lost.unwrap());
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_adopted_is_left_alone() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.refuse_adoptions = true);
    let executor = bench.executor();
    let id = id(&bench).await;
    let elsewhere = bench.sealed(shell("exit 0")).await.execution;
    bench
        .log
        .order(id, &Order::Adopt(assignment(elsewhere)))
        .await
        .unwrap();
    bench
        .conductor
        .report(|report| (*report == Report::Adopt(elsewhere)).then_some(()))
        .await;
    // It is not mistaken for something at work: a start of it is refused or granted anew.
    let other = bench.shell("exit 0").await;
    bench.finished(other).await;
    executor.stop().await;
    assert_eq!(ends(&bench, elsewhere), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_whose_lease_was_given_up_is_ended_without_a_word() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.term_ms = SHORT_TERM_MS);
    let executor = bench.executor();
    let execution = bench.shell("echo $$ > pid; exec sleep 1000").await;
    bench.started(execution).await;
    let stays = bench
        .shell("while ! [ -e go ]; do sleep 0.02; done; exit 6")
        .await;
    bench.started(stays).await;
    bench.conductor.set(|policy| {
        policy.stale = vec![execution];
        policy.unknown = true;
    });
    let folder = bench.folder(execution);
    wait_until(SOON, async || folder.join("collected").exists()).await;
    let pid = std::fs::read_to_string(folder.join("work/pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    bench.touch(stays, "go");
    assert_eq!(bench.finished(stays).await.0, End::Exited { code: 6 });
    executor.stop().await;
    assert_eq!(ends(&bench, execution), 0);
    let before = inventories(&bench);
    let again = bench.executor();
    wait_until(SOON, async || inventories(&bench) > before).await;
    let last = bench.conductor.reports().into_iter().rev();
    let found = last.into_iter().find_map(|report| match report {
        Report::Inventory { executions, .. } => Some(executions),
        _ => None,
    });
    assert_eq!(found, Some(Vec::new()), "it is not found again");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_goodbye_and_the_standby_goes_on_without_a_second_attempt() {
    let bench = Bench::new().await;
    let first = bench.executor();
    id(&bench).await;
    let standby = bench.executor();
    let mut executions = Vec::new();
    for _ in 0..5 {
        let script = "while ! [ -e go ]; do sleep 0.02; done; exit 5";
        executions.push(bench.shell(script).await);
    }
    for execution in &executions {
        bench.started(*execution).await;
    }
    first.stop().await;
    bench
        .conductor
        .report(|report| match report {
            Report::Inventory { executions, .. } => (executions.len() == 5).then_some(()),
            _ => None,
        })
        .await;
    let mut story: Vec<_> = bench
        .conductor
        .messages()
        .iter()
        .filter_map(|ReportMessage { report, .. }| match report {
            Report::Inventory { executions, .. } => Some(executions.len()),
            Report::Leaving => Some(usize::MAX),
            _ => None,
        })
        .collect();
    // On a slow machine a report is sent twice.
    story.dedup();
    assert_eq!(story, [0, usize::MAX, 5], "came, left, and all was found");
    for execution in executions {
        bench.touch(execution, "go");
        assert_eq!(bench.finished(execution).await.0, End::Exited { code: 5 });
        assert_eq!(claims(&bench, execution), 1);
    }
    standby.stop().await;
}
