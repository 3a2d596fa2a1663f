//! An executor goes, another one continues.

use maestro_runtime::clock;

use super::*;

#[tokio::test]
async fn a_live_child_is_adopted() {
    let bench = Bench::new();
    let script = "echo $$ > pid; while ! [ -e go ]; do sleep 0.02; done; echo done; exit 5";
    let execution = bench.shell(script).await;
    bench.pid(execution, "pid").await;
    let bench = bench.reopened();
    let found = bench.backend.recover().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].execution, found[0].pool.as_str()),
        (execution, "large")
    );
    let mut seen = bench.backend.observe(execution).unwrap();
    let running = seen.wait_for(|now| matches!(now, Observation::Running { .. }));
    drop(tokio::time::timeout(SOON, running).await.unwrap().unwrap());
    fs::write(bench.folder(execution).work().join("go"), "").unwrap();
    assert_eq!(bench.end(execution).await, End::Exited { code: 5 });
    assert_eq!(bench.stdout(execution), "done\n");
}

#[tokio::test]
async fn a_moved_lease_takes_its_child_along() {
    let bench = Bench::new();
    let script = "echo $$ > pid; while ! [ -e go ]; do sleep 0.02; done; exit 5";
    let execution = bench.shell(script).await;
    bench.pid(execution, "pid").await;
    let go = bench.folder(execution).work().join("go");
    let bench = bench.reopened();
    let moved = Execution {
        token: execution.token + 1,
        ..execution
    };
    let pool = "large".parse().unwrap();
    let adopted = bench.backend.adopt(moved, &pool).await.unwrap().unwrap();
    assert_eq!(adopted.execution, moved);
    assert!(bench.backend.adopt(execution, &pool).await.is_err());
    fs::write(go, "").unwrap();
    assert_eq!(bench.end(moved).await, End::Exited { code: 5 });
    let bench = bench.reopened();
    assert_eq!(bench.backend.recover().await.unwrap()[0].execution, moved);
    let unknown = Execution {
        attempt: 9,
        ..execution
    };
    assert_eq!(bench.backend.adopt(unknown, &pool).await.unwrap(), None);
}

#[tokio::test]
async fn an_adopted_child_can_be_canceled() {
    let bench = Bench::new();
    let execution = bench.shell("echo $$ > pid; exec sleep 1000").await;
    bench.pid(execution, "pid").await;
    let bench = bench.reopened();
    bench.backend.recover().await.unwrap();
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await, End::Canceled);
}

#[tokio::test]
async fn a_cancel_survives_the_executor_that_marked_it() {
    let bench = Bench::new();
    let execution = bench.shell("echo $$ > pid; exec sleep 1000").await;
    bench.pid(execution, "pid").await;
    fs::write(bench.folder(execution).cancel(), "").unwrap();
    let bench = bench.reopened();
    bench.backend.recover().await.unwrap();
    assert_eq!(bench.end(execution).await, End::Canceled);
}

#[tokio::test]
async fn what_ended_meanwhile_has_its_true_result() {
    let bench = Bench::new();
    let execution = bench.shell("exit 6").await;
    bench.end(execution).await;
    let bench = bench.reopened();
    assert_eq!(bench.backend.recover().await.unwrap().len(), 1);
    assert_eq!(bench.end(execution).await, End::Exited { code: 6 });
}

#[tokio::test]
async fn what_died_meanwhile_is_lost() {
    let mut bench = Bench::new();
    let execution = bench.shell("sleep 1000 & echo $! > pid; wait").await;
    let pid = bench.pid(execution, "pid").await;
    let shim = kills::shim_of(&bench, execution);
    // This executor does not look any more.
    bench.backend.stop.cancel();
    kill(shim);
    wait_until(SOON, async || !alive(shim)).await;
    bench = bench.reopened();
    bench.backend.recover().await.unwrap();
    assert_eq!(bench.end(execution).await, End::Lost);
    assert!(!alive(pid));
}

#[tokio::test]
async fn destroyed_records_are_a_loss() {
    let bench = Bench::new();
    let execution = bench.shell("exit 0").await;
    bench.end(execution).await;
    let folder = bench.folder(execution);
    for file in [
        folder.spec(),
        folder.shim(),
        folder.started(),
        folder.exit(),
    ] {
        fs::write(file, "").unwrap();
    }
    let bench = bench.reopened();
    let found = bench.backend.recover().await.unwrap();
    assert_eq!(found[0].pool.as_str(), "default");
    assert_eq!(bench.end(execution).await, End::Lost);
    assert!(
        bench.backend.logs(execution, 0).await.is_err(),
        "its secrets are not known"
    );
}

#[tokio::test]
async fn a_collected_attempt_is_over_and_removed_after_its_retention() {
    let bench = Bench::new();
    let execution = bench.shell("exit 0").await;
    bench.end(execution).await;
    let now = clock::now();
    bench.backend.collect(execution, now).await.unwrap();
    let folder = bench.folder(execution);
    assert!(!folder.spec().exists(), "secrets are not kept");
    let bench = bench.reopened();
    assert_eq!(bench.backend.recover().await.unwrap(), []);
    let later = |seconds| now.after(Duration::from_secs(seconds));
    assert_eq!(bench.backend.sweep(later(3599)).await.unwrap(), 0);
    assert!(folder.path().exists());
    assert_eq!(bench.backend.sweep(later(3600)).await.unwrap(), 1);
    assert!(!folder.path().exists());
}

#[tokio::test]
async fn half_a_folder_never_counts() {
    let bench = Bench::new();
    let task = shell("exit 0");
    let draft = super::super::hidden(bench.folder(task.start.execution).path());
    fs::create_dir(&draft).unwrap();
    fs::create_dir(draft.with_file_name("lost+found")).unwrap();
    let bench = bench.reopened();
    assert_eq!(bench.backend.recover().await.unwrap(), []);
    assert!(!draft.exists());
    assert_eq!(bench.end_of(task).await, End::Exited { code: 0 });
}

#[tokio::test]
async fn ending_everything_leaves_no_process_and_counts_as_lost() {
    let bench = Bench::new();
    let stubborn = bench
        .shell("trap '' TERM; sleep 1000 & echo $! > pid; while :; do wait; done")
        .await;
    let polite = bench.shell("echo $$ > pid; exec sleep 1000").await;
    let pids = [
        bench.pid(stubborn, "pid").await,
        bench.pid(polite, "pid").await,
    ];
    bench.backend.end_all().await;
    assert!(!pids.into_iter().any(alive));
    let bench = bench.reopened();
    bench.backend.recover().await.unwrap();
    assert_eq!(bench.end(stubborn).await, End::Lost);
    assert_eq!(bench.end(polite).await, End::Lost);
}
