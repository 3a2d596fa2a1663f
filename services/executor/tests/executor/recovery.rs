//! Executors come and go, runs go on.

use std::{fs, time::Duration};

use maestro_domain::{
    Report,
    report::{End, Execution},
};
use maestro_eventlog::Output;
use maestro_runtime::clock;
use maestro_testkit::wait_until;

use crate::bench::{Bench, SOON, kill, shell};

#[tokio::test(flavor = "multi_thread")]
async fn a_live_child_is_adopted_after_a_stop() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench
        .shell("echo one; while ! [ -e go ]; do sleep 0.02; done; echo two; exit 7")
        .await;
    bench.started(execution).await;
    let asked = clock::monotonic();
    executor.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(2));
    let executor = bench.executor();
    inventoried(&bench, execution).await;
    bench.touch(execution, "go");
    assert_eq!(
        bench.finished(execution).await,
        (End::Exited { code: 7 }, 8)
    );
    assert_eq!(bench.output(execution, Output::Stdout).await, b"one\ntwo\n");
    assert_eq!(
        bench
            .conductor
            .count(|report| *report == Report::Claim(execution)),
        1
    );
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_lose_no_line_and_repeat_none() {
    let bench = Bench::new().await;
    let mut executor = bench.executor();
    let script = "
        echo > ready; while ! [ -e go0 ]; do sleep 0.01; done
        for part in 0 1 2 3 4; do
            seq $((part * 2000 + 1)) $((part * 2000 + 1000)); echo > part$part
            seq $((part * 2000 + 1001)) $((part * 2000 + 2000))
        done";
    let execution = bench.shell(script).await;
    bench.file(execution, "ready").await;
    bench.touch(execution, "go0");
    for part in 0..5 {
        bench.file(execution, &format!("part{part}")).await;
        executor.crash().await;
        executor = bench.executor();
    }
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 0 });
    let expected: String = (1..=10_000).map(|line| format!("{line}\n")).collect();
    let stdout = bench.output(execution, Output::Stdout).await;
    assert!(String::from_utf8(stdout).unwrap() == expected);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over() {
    let bench = Bench::new().await;
    let first = bench.executor();
    let execution = bench
        .shell("while ! [ -e go ]; do sleep 0.02; done; exit 5")
        .await;
    bench.started(execution).await;
    let standby = bench.executor();
    first.stop().await;
    inventoried(&bench, execution).await;
    bench.touch(execution, "go");
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 5 });
    let mut executors: Vec<_> = bench
        .conductor
        .messages()
        .iter()
        .map(|message| message.executor)
        .collect();
    executors.dedup();
    assert_eq!(executors.len(), 1, "the folder's name is the executor's");
    standby.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_nobody_watched_is_reported_truthfully() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench
        .shell("echo > ready; while ! [ -e go ]; do sleep 0.02; done; echo late; exit 9")
        .await;
    bench.file(execution, "ready").await;
    executor.crash().await;
    bench.touch(execution, "go");
    wait_until(SOON, async || {
        bench.folder(execution).join("exit.json").exists()
    })
    .await;
    let executor = bench.executor();
    assert_eq!(
        bench.finished(execution).await,
        (End::Exited { code: 9 }, 5)
    );
    assert_eq!(bench.output(execution, Output::Stdout).await, b"late\n");
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_while_nobody_watched_is_lost() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench
        .shell("echo $$ > ready; echo some output; exec sleep 1000")
        .await;
    bench.file(execution, "ready").await;
    executor.crash().await;
    let shim: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.folder(execution).join("shim.json")).unwrap())
            .unwrap();
    kill(i32::try_from(shim["pid"].as_i64().unwrap()).unwrap());
    let child = fs::read_to_string(bench.folder(execution).join("work/ready")).unwrap();
    kill(child.trim().parse().unwrap());
    let executor = bench.executor();
    assert_eq!(bench.finished(execution).await, (End::Lost, 12));
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_should_be_here_and_is_not_is_lost_before_anything_is_claimed() {
    let bench = Bench::new().await;
    let missing = bench.sealed(shell("exit 0")).await.execution;
    bench.conductor.set(|policy| policy.missing = vec![missing]);
    let other = bench.shell("exit 0").await;
    let executor = bench.executor();
    bench.finished(other).await;
    let reports = bench.conductor.reports();
    let at = |wanted: &dyn Fn(&Report) -> bool| reports.iter().position(wanted).unwrap();
    let adopted = at(&|report| *report == Report::Adopt(missing));
    let lost = at(
        &|report| matches!(report, Report::Finished { execution, end: End::Lost, .. } if *execution == missing),
    );
    let claimed = at(&|report| *report == Report::Claim(other));
    assert!(adopted < lost && lost < claimed, "{reports:?}");
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_and_their_output_outlast_the_broker() {
    let mut bench = Bench::new().await;
    let executor = bench.executor();
    let script = "seq 1 1000; echo > ready; while ! [ -e go ]; do sleep 0.02; done; seq 1001 2000";
    let execution = bench.shell(script).await;
    bench.file(execution, "ready").await;
    bench.nats.kill9().await;
    bench.touch(execution, "go");
    wait_until(SOON, async || {
        bench.folder(execution).join("exit.json").exists()
    })
    .await;
    bench.nats.start_again().await;
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 0 });
    let expected: String = (1..=2000).map(|line| format!("{line}\n")).collect();
    let stdout = bench.output(execution, Output::Stdout).await;
    assert!(String::from_utf8(stdout).unwrap() == expected);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_without_a_broker_is_quick() {
    let mut bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench.shell("echo > ready; exec sleep 1000").await;
    bench.file(execution, "ready").await;
    bench.nats.kill9().await;
    let asked = clock::monotonic();
    executor.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(2));
}

/// Waits until a second executor has found the execution.
async fn inventoried(bench: &Bench, wanted: Execution) {
    bench
        .conductor
        .report(|report| match report {
            Report::Inventory { executions, .. } => executions.contains(&wanted).then_some(()),
            _ => None,
        })
        .await;
}
