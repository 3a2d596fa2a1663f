//! An executor goes, another one continues.

use super::*;

#[tokio::test]
async fn a_restart_finds_its_own() {
    let bench = Bench::new().await;
    let execution = bench
        .shell("while ! [ -e $HOME/go ]; do sleep 0.05; done; exit 5")
        .await;
    bench.running(execution).await;
    let executor = bench.executor;
    let bench = bench.reopened(ExecutorId::new(Uuid::new_v4())).await;
    assert_eq!(bench.backend.recover().await.unwrap(), []);
    let bench = bench.reopened(executor).await;
    let found = bench.backend.recover().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].execution, found[0].pool.as_str()),
        (execution, "large")
    );
    bench.running(execution).await;
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await.0, End::Canceled);
}

#[tokio::test]
async fn what_ended_meanwhile_has_its_true_result_and_output() {
    let bench = Bench::new().await;
    let execution = bench.shell("echo one; exit 6").await;
    bench.end(execution).await;
    let executor = bench.executor;
    let bench = bench.reopened(executor).await;
    assert_eq!(bench.backend.recover().await.unwrap().len(), 1);
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 6 });
    assert_eq!(bench.output(execution).await.0, "one\n");
}

#[tokio::test]
async fn a_moved_lease_takes_the_job_along() {
    let bench = Bench::new().await;
    let task = shell("echo $API_TOKEN; exec sleep 1000");
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    bench.running(execution).await;
    let heir = ExecutorId::new(Uuid::new_v4());
    let bench = bench.reopened(heir).await;
    let moved = Execution {
        token: execution.token + 1,
        ..execution
    };
    let pool = "large".parse().unwrap();
    let adopted = bench.backend.adopt(moved, &pool).await.unwrap().unwrap();
    assert_eq!(
        (adopted.execution, adopted.traceparent),
        (moved, task.traceparent)
    );
    assert!(bench.backend.adopt(execution, &pool).await.is_err());
    let annotations = bench.fake.objects("jobs")[0]["metadata"]["annotations"].clone();
    assert_eq!(annotations["maestro.dev/executor"], heir.to_string());
    let (mut tail, _) = bench.backend.logs(moved, 0).await.unwrap();
    let first = tokio::time::timeout(SOON, tail.next()).await.unwrap();
    assert_eq!(first.unwrap().unwrap().bytes, "***\n");
    bench.backend.cancel(moved).await.unwrap();
    assert_eq!(bench.end(moved).await.0, End::Canceled);
}

#[tokio::test]
async fn a_cancel_survives_the_executor_that_marked_it() {
    let bench = Bench::new().await;
    bench.fake.pause_scheduler(true);
    let execution = bench.shell("exec sleep 1000").await;
    bench.backend.cancel(execution).await.unwrap();
    let executor = bench.executor;
    let bench = bench.reopened(executor).await;
    bench.backend.recover().await.unwrap();
    assert_eq!(bench.end(execution).await.0, End::Canceled);
}

#[tokio::test]
async fn a_job_that_comes_late_never_runs() {
    let bench = Bench::new().await;
    let task = shell("echo never");
    let execution = task.start.execution;
    bench.shell("true").await;
    let wanted = manifest::Wanted {
        settings: &bench.backend.cluster.settings,
        task: &task,
        namespace: "maestro-runs",
    };
    let (map, job) = (
        manifest::inputs::config_map(&wanted),
        manifest::job(&wanted),
    );
    let cluster = &bench.backend.cluster;
    let params = kube::api::PostParams::default();
    let maps = cluster.within("maestro-runs");
    maps.create(&params, &map).await.unwrap();
    let pool = "large".parse().unwrap();
    assert_eq!(bench.backend.adopt(execution, &pool).await.unwrap(), None);
    let jobs = cluster.within::<Job>("maestro-runs");
    jobs.create(&params, &job).await.unwrap();
    let name = wanted.name();
    bench
        .until("its pod waits for its inputs", |fake| {
            let pods = fake.objects("pods");
            let late = pods.iter().find(|pod| {
                pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name.as_str()
            });
            late.is_some_and(|pod| !pod["spec"]["nodeName"].is_null())
        })
        .await;
    let moved = Execution {
        token: execution.token + 1,
        ..execution
    };
    bench.backend.adopt(moved, &pool).await.unwrap().unwrap();
    bench.backend.cancel(moved).await.unwrap();
    assert_eq!(bench.end(moved).await.0, End::Canceled);
    assert_eq!(bench.fake.starts("maestro-runs", &name), 0);
}

#[tokio::test]
async fn what_is_forgotten_goes_on() {
    let bench = Bench::new().await;
    let execution = bench.shell("exec sleep 1000").await;
    bench.running(execution).await;
    bench.backend.forget(execution).await;
    assert!(bench.backend.observe(execution).is_none());
    assert_eq!(bench.fake.live(), 1);
}

#[tokio::test]
async fn executors_of_one_instance_share_a_site() {
    let bench = Bench::new().await;
    let site = bench.backend.site();
    let bench = bench.reopened(ExecutorId::new(Uuid::new_v4())).await;
    assert_eq!(bench.backend.site(), site);
    let other = |settings: &mut Settings| settings.names.instance = "other".parse().unwrap();
    let other = open(&bench.fake, bench.executor, |settings| {
        other(settings);
        settings.config.instance = settings.names.instance.clone();
    });
    assert_ne!(other.await.unwrap().site(), site);
}
