//! What is removed, and what is not.

use maestro_domain::run::Mode;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_retention_begins_when_the_result_is_stored() {
    let bench = Bench::new().await;
    let execution = bench.shell("true").await;
    bench.end(execution).await;
    let before = bench.fake.objects("jobs")[0].clone();
    assert!(before["spec"]["ttlSecondsAfterFinished"].is_null());
    let now = clock::now();
    bench.backend.collect(execution, now).await.unwrap();
    bench.backend.collect(execution, now).await.unwrap();
    assert_eq!(
        bench.fake.objects("jobs")[0]["spec"]["ttlSecondsAfterFinished"],
        3600
    );
    assert!(bench.backend.observe(execution).is_none());
    for plural in ["configmaps", "secrets"] {
        let left = bench.fake.objects(plural);
        let ours = left
            .iter()
            .any(|one| !one["metadata"]["labels"]["maestro.dev/run"].is_null());
        assert!(!ours, "{plural}");
    }
    assert_eq!(bench.backend.recover().await.unwrap(), []);
    assert_eq!(bench.backend.sweep(now).await.unwrap(), 0);
    assert_eq!(bench.backend.sweep(now.after(HOUR)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_namespace_goes_after_its_retention_and_never_with_a_pod_in_it() {
    let bench = Bench::new().await;
    let mut task = shell("true");
    task.spec.mode = Mode::FullEnv;
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    bench.end(execution).await;
    let name = bench
        .backend
        .cluster
        .settings
        .names
        .namespace(execution.run);
    let namespace = format!("/api/v1/namespaces/{name}");
    let now = clock::now();
    assert_eq!(
        bench
            .backend
            .sweep(now.after(HOUR * 24 * 30))
            .await
            .unwrap(),
        0
    );
    bench.backend.collect(execution, now).await.unwrap();
    let guest = format!("/api/v1/namespaces/{name}/pods/guest");
    bench
        .fake
        .set_object(&guest, &json!({"status": {"phase": "Running"}}));
    bench.backend.sweep(now.after(HOUR)).await.unwrap();
    assert!(bench.fake.object(&namespace).unwrap()["metadata"]["deletionTimestamp"].is_null());
    bench
        .fake
        .set_object(&guest, &json!({"status": {"phase": "Failed"}}));
    assert!(bench.backend.sweep(now.after(HOUR)).await.unwrap() >= 1);
    bench
        .until("the namespace is gone", |fake| {
            fake.object(&namespace).is_none()
        })
        .await;
}

#[tokio::test]
async fn inputs_without_a_job_go_after_an_hour() {
    let bench = Bench::new().await;
    bench.shell("true").await;
    bench.fake.deny_creation("jobs", Some("no"));
    bench
        .backend
        .ensure(&shell("true"), &|| true)
        .await
        .unwrap_err();
    let now = clock::now();
    assert_eq!(bench.backend.sweep(now).await.unwrap(), 0);
    assert_eq!(bench.backend.sweep(now.after(HOUR * 2)).await.unwrap(), 1);
    assert_eq!(bench.fake.objects("jobs").len(), 1);
}

#[tokio::test]
async fn a_canceled_job_goes_although_its_ttl_never_counts() {
    let bench = Bench::new().await;
    let execution = bench.shell("exec sleep 1000").await;
    bench.backend.cancel(execution).await.unwrap();
    bench.end(execution).await;
    let now = clock::now();
    bench.backend.collect(execution, now).await.unwrap();
    assert_eq!(bench.backend.sweep(now.after(HOUR)).await.unwrap(), 1);
    assert_eq!(bench.fake.objects("jobs").len(), 0);
}
