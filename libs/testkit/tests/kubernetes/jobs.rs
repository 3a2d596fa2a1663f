//! Jobs, their pods and their ends.

use serde_json::json;

use crate::client::{Api, CONFIG_MAPS, JOBS, PODS, SECRETS, condition, config_map, job};

#[tokio::test(flavor = "multi_thread")]
async fn success_and_failure() {
    let api = Api::new().await;
    api.job("good", "exit 0").await;
    api.job("bad", "exit 3").await;
    let good = format!("{JOBS}/good");
    let complete = api.condition(&good, "Complete").await;
    assert_eq!(complete["reason"], "CompletionsReached");
    let good = api.cluster.object(&good).unwrap();
    assert_eq!(good["status"]["succeeded"], 1);
    assert!(good["status"].get("active").is_none() && !good["status"]["completionTime"].is_null());
    let failed = api.condition(&format!("{JOBS}/bad"), "Failed").await;
    assert_eq!(failed["reason"], "BackoffLimitExceeded");
    let pod = api.cluster.object(&api.pod_of("bad").await).unwrap();
    assert_eq!(pod["status"]["phase"], "Failed");
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (ended["exitCode"].as_i64(), ended["reason"].as_str()),
        (Some(3), Some("Error"))
    );
    assert!(pod["metadata"].get("finalizers").is_none());
    assert_eq!(pod["metadata"]["ownerReferences"][0]["controller"], true);
    assert_eq!(api.cluster.starts("default", "good"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_volumes_and_commands() {
    let api = Api::new().await;
    api.post(
        CONFIG_MAPS,
        &json!({"metadata": {"name": "files"}, "data": {"prompt.txt": "do it", "FROM_MAP": "map"}}),
    )
    .await;
    api.post(
        SECRETS,
        &json!({"metadata": {"name": "keys"}, "stringData": {"TOKEN": "t0p"}}),
    )
    .await;
    let mut wanted = job(
        "all",
        "echo $TOKEN $FROM_MAP $POD $EXPANDED $(cat /maestro/in/prompt.txt) $PROMPT; cat $PROMPT; printf '%s' \"$1\"",
    );
    let container = &mut wanted["spec"]["template"]["spec"]["containers"][0];
    container["args"] = json!(["sh", "$(A)$$(A)"]);
    container["envFrom"] = json!([{"secretRef": {"name": "keys"}}]);
    container["env"] = json!([
        {"name": "A", "value": "a"}, {"name": "EXPANDED", "value": "$(A)-$$(A)"},
        {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {"name": "files", "key": "FROM_MAP"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "PROMPT", "value": "/maestro/in/prompt.txt"},
    ]);
    container["volumeMounts"] = json!([{"name": "in", "mountPath": "/maestro/in"}]);
    wanted["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "in", "configMap": {"name": "files"}}]);
    api.post(JOBS, &wanted).await;
    api.condition(&format!("{JOBS}/all"), "Complete").await;
    let pod = api.pod_of("all").await;
    let (_, log) = api.get(&format!("{pod}/log")).await;
    let log = log.as_str().unwrap();
    assert!(log.starts_with("t0p map default a-$(A) do it /"), "{log}");
    assert!(log.ends_with("in/prompt.txt\ndo ita$(A)"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_waits_for_what_it_mounts() {
    let api = Api::new().await;
    let mut wanted = job("waits", "cat /in/a");
    wanted["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "in", "configMap": {"name": "later"}}]);
    wanted["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "in", "mountPath": "/in"}]);
    api.post(JOBS, &wanted).await;
    let pod = api.pod_of("waits").await;
    let waiting = |reason: &'static str| {
        move |pod: &serde_json::Value| {
            pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
        }
    };
    api.until(&pod, waiting("ContainerCreating")).await;
    api.post(CONFIG_MAPS, &config_map("later")).await;
    api.condition(&format!("{JOBS}/waits"), "Complete").await;

    let mut wanted = job("refers", "exit 0");
    wanted["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
        json!([{"secretRef": {"name": "later"}}]);
    api.post(JOBS, &wanted).await;
    let pod = api.pod_of("refers").await;
    api.until(&pod, waiting("CreateContainerConfigError")).await;
    api.post(SECRETS, &json!({"metadata": {"name": "later"}}))
        .await;
    api.condition(&format!("{JOBS}/refers"), "Complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_found() {
    let api = Api::new().await;
    let mut wanted = job("nothing", "");
    wanted["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["no-such-program"]);
    api.post(JOBS, &wanted).await;
    api.condition(&format!("{JOBS}/nothing"), "Failed").await;
    let pod = api.cluster.object(&api.pod_of("nothing").await).unwrap();
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (ended["exitCode"].as_i64(), ended["reason"].as_str()),
        (Some(128), Some("StartError"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines() {
    let api = Api::new().await;
    let mut wanted = job("late", "trap '' TERM; sleep 1000 & wait; wait");
    wanted["spec"]["activeDeadlineSeconds"] = json!(1);
    api.post(JOBS, &wanted).await;
    let failed = api.condition(&format!("{JOBS}/late"), "Failed").await;
    assert_eq!(failed["reason"], "DeadlineExceeded");
    assert_eq!(api.cluster.live(), 0);
    let mut wanted = job("late-pod", "sleep 1000");
    wanted["spec"]["template"]["spec"]["activeDeadlineSeconds"] = json!(1);
    api.post(JOBS, &wanted).await;
    api.condition(&format!("{JOBS}/late-pod"), "Failed").await;
    let pod = api.cluster.object(&api.pod_of("late-pod").await).unwrap();
    assert_eq!(pod["status"]["reason"], "DeadlineExceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_takes_the_pods_along_or_not() {
    let api = Api::new().await;
    for (name, options, stays) in [
        ("default", json!({}), true),
        (
            "background",
            json!({"propagationPolicy": "Background"}),
            false,
        ),
        (
            "foreground",
            json!({"propagationPolicy": "Foreground"}),
            false,
        ),
    ] {
        api.job(name, "sleep 1000").await;
        let pod = api.running(name).await;
        let path = format!("{JOBS}/{name}");
        let (code, _) = api.delete(&path, &options).await;
        assert_eq!(code, 200);
        if name == "foreground" {
            assert!(api.cluster.object(&path).is_some(), "it waits for its pods");
        }
        api.gone(&path).await;
        if stays {
            let orphan = api
                .until(&pod, |pod| pod["metadata"].get("ownerReferences").is_none())
                .await;
            assert_eq!(orphan["status"]["phase"], "Running");
            assert!(api.cluster.delete(&pod));
        }
        api.gone(&pod).await;
    }
    assert_eq!((api.cluster.live(), api.cluster.most_live()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_to_live_and_suspension() {
    let api = Api::new().await;
    let mut wanted = job("short", "exit 0");
    wanted["spec"]["ttlSecondsAfterFinished"] = json!(0);
    api.post(JOBS, &wanted).await;
    api.gone(&format!("{JOBS}/short")).await;
    let mut wanted = job("held", "exit 0");
    wanted["spec"]["suspend"] = json!(true);
    api.post(JOBS, &wanted).await;
    let path = format!("{JOBS}/held");
    let suspended = api.condition(&path, "Suspended").await;
    assert_eq!(suspended["reason"], "JobSuspended");
    assert!(
        api.cluster
            .objects("pods")
            .iter()
            .all(|pod| pod["metadata"]["labels"]["job-name"] != "held")
    );
    let (code, _) = api
        .patch(
            &path,
            "merge-patch+json",
            &json!({"spec": {"suspend": false}}),
        )
        .await;
    assert_eq!(code, 200);
    api.condition(&path, "Complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_job_ends_its_pods_and_never_finishes() {
    let api = Api::new().await;
    api.job("held", "trap 'exit 1' TERM; while :; do sleep 0.05; done")
        .await;
    let pod = api.running("held").await;
    let path = format!("{JOBS}/held");
    let (code, _) = api
        .patch(
            &path,
            "merge-patch+json",
            &json!({"spec": {"suspend": true}}),
        )
        .await;
    assert_eq!(code, 200);
    api.gone(&pod).await;
    let job = api
        .until(&path, |job| job["status"]["terminating"] == 0)
        .await;
    assert!(condition(&job, "Suspended").is_some());
    assert!(condition(&job, "Failed").is_none() && condition(&job, "FailureTarget").is_none());
    assert!(job["status"].get("failed").is_none() && job["status"].get("startTime").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_is_answered_within_the_grace() {
    let api = Api::new().await;
    api.job(
        "polite",
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
    )
    .await;
    let pod = api.running("polite").await;
    maestro_testkit::wait_until(crate::client::SOON, async || {
        api.get(&format!("{pod}/log"))
            .await
            .1
            .as_str()
            .is_some_and(|log| log.contains("ready"))
    })
    .await;
    let mut held = api.cluster.object(&pod).unwrap();
    held["metadata"]["finalizers"]
        .as_array_mut()
        .unwrap()
        .push("test/hold".into());
    api.cluster.set_object(
        &pod,
        &json!({"metadata": {"finalizers": held["metadata"]["finalizers"]}}),
    );
    let (code, _) = api.delete(&pod, &json!({})).await;
    assert_eq!(code, 200);
    let ended = api
        .until(&pod, |pod| pod["status"]["phase"] == "Succeeded")
        .await;
    assert!(!ended["metadata"]["deletionTimestamp"].is_null());
    let (_, log) = api.get(&format!("{pod}/log")).await;
    assert_eq!(log, "ready\nbye\n");
    let (code, _) = api
        .patch(
            &pod,
            "merge-patch+json",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    assert_eq!(code, 200);
    api.gone(&pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_pod_is_an_event_of_the_job() {
    let api = Api::new().await;
    let mut wanted = job("stuck", "exit 0");
    wanted["spec"]["template"]["spec"]["serviceAccountName"] = json!("robot");
    api.post(JOBS, &wanted).await;
    let told = || {
        let events = api.cluster.objects("events");
        events.iter().any(|event| {
            event["reason"] == "FailedCreate"
                && event["message"]
                    .as_str()
                    .unwrap()
                    .contains("serviceaccount \"robot\" not found")
        })
    };
    maestro_testkit::wait_until(crate::client::SOON, async || told()).await;
    assert!(
        condition(
            &api.cluster.object(&format!("{JOBS}/stuck")).unwrap(),
            "Failed"
        )
        .is_none()
    );
    api.post(
        "/api/v1/namespaces/default/serviceaccounts",
        &json!({"metadata": {"name": "robot"}}),
    )
    .await;
    api.condition(&format!("{JOBS}/stuck"), "Complete").await;
    assert!(
        api.cluster
            .objects("pods")
            .iter()
            .all(|pod| pod["spec"]["nodeName"].is_string()),
        "{PODS}"
    );
}
