//! Cancel, at every moment.

use maestro_domain::{
    Report,
    report::{End, Execution},
};

use crate::bench::{Bench, shell};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_attempt() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let execution = bench.shell("echo > ready; exec sleep 1000").await;
    bench.file(execution, "ready").await;
    bench.cancel(execution).await;
    assert_eq!(bench.finished(execution).await.0, End::Canceled);
    bench.queue_is_empty().await;
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_start() {
    let bench = Bench::new().await;
    let executor = bench.executor();
    let first = bench.shell("exit 0").await;
    bench.finished(first).await;
    let id = bench.conductor.messages()[0].executor;
    let unknown = bench.sealed(shell("exit 0")).await.execution;
    bench.cancel_by(unknown, id).await;
    assert_eq!(bench.finished(unknown).await, (End::Canceled, 0));
    bench.queue_is_empty().await;
    assert!(!bench.folder(unknown).exists());
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_claim_is_not_answered() {
    let bench = Bench::new().await;
    bench.conductor.set(|policy| policy.silent_claims = 1);
    let executor = bench.executor();
    let execution = bench.shell("exit 0").await;
    bench
        .conductor
        .report(|report| (*report == Report::Claim(execution)).then_some(()))
        .await;
    bench.cancel(execution).await;
    assert_eq!(bench.finished(execution).await, (End::Canceled, 0));
    bench.queue_is_empty().await;
    assert!(!bench.folder(execution).exists());
    executor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reaches_the_executor_that_claimed() {
    let bench = Bench::new().await;
    let executors = [bench.executor(), bench.executor_with(bench.other_config())];
    let mut executions = Vec::new();
    for _ in 0..6 {
        executions.push(bench.shell("exec sleep 1000").await);
    }
    for &execution in &executions {
        bench.started(execution).await;
        bench.cancel(execution).await;
    }
    for &execution in &executions {
        assert_eq!(bench.finished(execution).await.0, End::Canceled);
        let of = |message: &maestro_domain::report::ReportMessage, wanted: Execution| {
            matches!(message.report,
                Report::Claim(execution) | Report::Finished { execution, .. } if execution == wanted)
        };
        let mut reporters: Vec<_> = bench
            .conductor
            .messages()
            .iter()
            .filter(|message| of(message, execution))
            .map(|message| message.executor)
            .collect();
        reporters.dedup();
        assert_eq!(reporters.len(), 1);
    }
    bench.queue_is_empty().await;
    for executor in executors {
        executor.stop().await;
    }
}
