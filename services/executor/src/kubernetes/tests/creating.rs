//! Creating once, and only what is ours.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use maestro_domain::run::Mode;

use super::*;

#[tokio::test]
async fn creating_twice_creates_once() {
    let bench = Bench::new().await;
    let task = shell("exec sleep 1000");
    let first = bench.backend.ensure(&task, &|| true).await.unwrap();
    assert_eq!(bench.backend.ensure(&task, &|| true).await.unwrap(), first);
    let bench = bench.reopened(ExecutorId::new(Uuid::new_v4())).await;
    assert_eq!(bench.backend.ensure(&task, &|| true).await.unwrap(), first);
    bench.running(first.execution).await;
    assert_eq!(bench.fake.objects("jobs").len(), 1);
    assert_eq!(bench.fake.most_live(), 1);
}

#[tokio::test]
async fn a_foreign_job_is_neither_adopted_nor_touched() {
    let bench = Bench::new().await;
    let task = shell("echo ours");
    let execution = task.start.execution;
    let first = bench.shell("true").await;
    bench.end(first).await;
    let name = bench.backend.cluster.settings.names.job(execution.run, 1);
    let foreign = format!("/apis/batch/v1/namespaces/maestro-runs/jobs/{name}");
    bench
        .fake
        .set_object(&foreign, &json!({"spec": {"suspend": true}}));
    let refused = bench.backend.ensure(&task, &|| true).await.unwrap_err();
    assert!(refused.to_string().contains(&name), "{refused}");
    let pool = "default".parse().unwrap();
    assert_eq!(bench.backend.adopt(execution, &pool).await.unwrap(), None);
    assert!(bench.fake.object(&foreign).is_some());
}

#[tokio::test]
async fn what_the_api_server_refuses_is_said_in_its_words() {
    let bench = Bench::new().await;
    bench.fake.deny_creation("jobs", Some("no jobs on Fridays"));
    let refused = bench
        .backend
        .ensure(&shell("true"), &|| true)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("no jobs on Fridays"),
        "{refused}"
    );
}

#[tokio::test]
async fn nothing_is_created_once_the_right_is_in_doubt() {
    let bench = Bench::new().await;
    let task = shell("true");
    // Namespace, ConfigMap, Secret: the right ends before the Job.
    let left = AtomicU32::new(3);
    let may_create = || {
        left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
    };
    let refused = bench.backend.ensure(&task, &may_create).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::Interrupted);
    assert_eq!(bench.fake.objects("jobs").len(), 0);
    // Claimed again, it goes on where it was.
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 0 });
}

#[tokio::test]
async fn a_run_with_a_namespace_of_its_own() {
    let bench = Bench::new().await;
    let mut task = shell("echo fenced");
    task.spec.mode = Mode::FullEnv;
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 0 });
    let name = bench
        .backend
        .cluster
        .settings
        .names
        .namespace(execution.run);
    let namespace = bench
        .fake
        .object(&format!("/api/v1/namespaces/{name}"))
        .unwrap();
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    for plural in ["resourcequotas", "limitranges", "networkpolicies"] {
        let found = bench.fake.objects(plural);
        assert_eq!(found.len(), 1, "{plural}");
        assert_eq!(found[0]["metadata"]["namespace"], name.as_str());
    }
    let account = format!("/api/v1/namespaces/{name}/serviceaccounts/run");
    assert_eq!(
        bench.fake.object(&account).unwrap()["automountServiceAccountToken"],
        false
    );
    assert_eq!(
        bench
            .backend
            .ensure(&task, &|| true)
            .await
            .unwrap()
            .execution,
        execution
    );
}

#[tokio::test]
async fn a_foreign_namespace_is_not_taken() {
    let bench = Bench::new().await;
    let mut task = shell("true");
    task.spec.mode = Mode::FullEnv;
    let name = bench
        .backend
        .cluster
        .settings
        .names
        .namespace(task.start.execution.run);
    let path = format!("/api/v1/namespaces/{name}");
    bench
        .fake
        .set_object(&path, &json!({"status": {"phase": "Active"}}));
    let refused = bench.backend.ensure(&task, &|| true).await.unwrap_err();
    assert!(refused.to_string().contains(&name), "{refused}");
    assert_eq!(bench.fake.objects("networkpolicies").len(), 0);
}

#[tokio::test]
async fn inputs_go_with_their_job() {
    let bench = Bench::new().await;
    let execution = bench.shell("exec sleep 1000").await;
    bench.running(execution).await;
    let uid = bench.fake.objects("jobs")[0]["metadata"]["uid"].clone();
    for plural in ["configmaps", "secrets"] {
        let inputs = bench.fake.objects(plural);
        let ours = inputs
            .iter()
            .find(|one| !one["metadata"]["labels"]["maestro.dev/run"].is_null());
        assert_eq!(
            ours.unwrap()["metadata"]["ownerReferences"][0]["uid"],
            uid,
            "{plural}"
        );
    }
}
