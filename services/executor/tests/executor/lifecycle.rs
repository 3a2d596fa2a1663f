//! From the command to the stored result.

use std::fs;

use maestro_domain::{Digest, Report, report::End, run::RunCommand};
use maestro_eventlog::Output;

use crate::bench::{Bench, TRACE, shell};

#[tokio::test(flavor = "multi_thread")]
async fn success_is_claimed_started_finished_and_logged() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench
        .shell("echo hello; echo $TRACEPARENT; echo problem >&2")
        .await;
    let (end, log_bytes) = bench.finished(execution).await;
    assert_eq!(end, End::Exited { code: 0 });
    bench.queue_is_empty().await;
    let kinds: Vec<_> = bench
        .conductor
        .reports()
        .iter()
        .map(|report| match report {
            Report::Inventory { .. } => "inventory",
            Report::Claim(_) => "claim",
            Report::Started { .. } => "started",
            Report::Finished { .. } => "finished",
            Report::Adopt(_) => "adopt",
            Report::Draining => "draining",
            Report::Leaving => "leaving",
        })
        .collect();
    assert_eq!(kinds, ["inventory", "claim", "started", "finished"]);
    let stdout = bench.output(execution, Output::Stdout).await;
    assert_eq!(
        String::from_utf8(stdout.clone()).unwrap(),
        format!("hello\n{TRACE}\n")
    );
    let stderr = bench.output(execution, Output::Stderr).await;
    assert_eq!(stderr, b"problem\n");
    assert_eq!(log_bytes, (stdout.len() + stderr.len()) as u64);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let mut executions = Vec::new();
    for code in 0..40 {
        executions.push((code, bench.shell(&format!("exit {code}")).await));
    }
    for (code, execution) in executions {
        assert_eq!(bench.finished(execution).await.0, End::Exited { code });
    }
    bench.queue_is_empty().await;
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_claim_creates_nothing() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.refuse = true);
    let executor = bench.executor();
    let execution = bench.shell("exit 0").await;
    bench.queue_is_empty().await;
    assert!(!bench.folder(execution).exists());
    executor.stop().await;
    assert_eq!(
        bench
            .conductor
            .count(|report| matches!(report, Report::Started { .. })),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_without_an_answer_is_repeated_and_starts_once() {
    let bench = Bench::new().await;
    // So long that the broker delivers the command a second time meanwhile.
    bench.conductor.set(|policy| policy.silent_claims = 2);
    let executor = bench.executor();
    let execution = bench.shell("echo once").await;
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 0 });
    bench.queue_is_empty().await;
    assert_eq!(
        bench
            .conductor
            .count(|report| *report == Report::Claim(execution)),
        3
    );
    assert_eq!(
        bench
            .conductor
            .count(|report| matches!(report, Report::Started { .. })),
        1
    );
    assert_eq!(bench.output(execution, Output::Stdout).await, b"once\n");
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_reported_until_it_is_recorded() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.silent_ends = 1);
    let executor = bench.executor();
    let execution = bench.shell("exit 3").await;
    let folder = bench.folder(execution);
    assert_eq!(bench.finished(execution).await.0, End::Exited { code: 3 });
    assert!(!folder.join("collected").exists(), "nobody has recorded it");
    maestro_testkit::wait_until(crate::bench::SOON, async || {
        folder.join("collected").exists()
    })
    .await;
    let ends = bench
        .conductor
        .count(|report| matches!(report, Report::Finished { .. }));
    assert_eq!(ends, 2);
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_specification_nothing_starts() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let gone = bench.sealed(shell("exit 0")).await;
    bench.vault.delete(&gone.spec.key).await.unwrap();
    let mut forged = bench.sealed(shell("exit 0")).await;
    forged.spec.digest = Digest::ZERO;
    for start in [gone, forged] {
        let execution = start.execution;
        bench.send(RunCommand::Start(start)).await;
        assert_eq!(bench.finished(execution).await, (End::LaunchRejected, 0));
        assert!(!bench.folder(execution).exists());
    }
    bench.queue_is_empty().await;
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_created_is_a_rejected_launch() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let first = bench.shell("exit 0").await;
    bench.finished(first).await;
    let start = bench.sealed(shell("exit 0")).await;
    let execution = start.execution;
    // A file where the draft of the folder would be: also root cannot make a folder of it.
    let name = bench
        .folder(execution)
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    fs::write(bench.attempts().join(format!(".{name}")), "").unwrap();
    bench.send(RunCommand::Start(start)).await;
    assert_eq!(bench.finished(execution).await, (End::LaunchRejected, 0));
    executor.stop().await;
}
