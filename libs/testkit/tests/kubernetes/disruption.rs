//! Pods that are lost.

use serde_json::{Value, json};

use crate::client::{Api, JOBS, job};

fn disrupted(job: &Value) {
    let conditions = job["status"]["conditions"].as_array().unwrap();
    let failed = conditions
        .iter()
        .find(|condition| condition["type"] == "Failed")
        .unwrap();
    assert_eq!(failed["reason"], "PodFailurePolicy");
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("has condition DisruptionTarget matching FailJob rule at index 0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_preempted_drained() {
    let api = Api::new().await;
    for name in ["evicted", "preempted", "drained"] {
        api.job(name, "sleep 1000").await;
        let pod = api.running(name).await;
        let done = match name {
            "evicted" => api.cluster.evict(&pod),
            "preempted" => api.cluster.preempt(&pod),
            _ => api.cluster.drain(&pod),
        };
        assert!(done);
        let path = format!("{JOBS}/{name}");
        api.condition(&path, "Failed").await;
        disrupted(&api.cluster.object(&path).unwrap());
        assert_eq!(api.cluster.starts("default", name), 1, "never a second pod");
        if name == "evicted" {
            let pod = api.cluster.object(&pod).unwrap();
            assert_eq!(
                (
                    pod["status"]["phase"].as_str(),
                    pod["status"]["reason"].as_str()
                ),
                (Some("Failed"), Some("Evicted"))
            );
        } else {
            api.gone(&pod).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_memory() {
    let api = Api::new().await;
    api.job("big", "sleep 1000").await;
    let pod = api.running("big").await;
    assert!(api.cluster.oom_kill(&pod));
    api.condition(&format!("{JOBS}/big"), "Failed").await;
    let pod = api.cluster.object(&pod).unwrap();
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (ended["exitCode"].as_i64(), ended["reason"].as_str()),
        (Some(137), Some("OOMKilled"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node() {
    let api = Api::new().await;
    api.job("lost", "sleep 1000").await;
    let pod = api.running("lost").await;
    let node = api.cluster.object(&pod).unwrap()["spec"]["nodeName"]
        .as_str()
        .unwrap()
        .to_owned();
    api.cluster.lose_node(&node);
    let (code, status) = api.get(&format!("{pod}/log")).await;
    assert_eq!(code, 500, "{status}");
    api.cluster.taint_lost_node(&node);
    let stuck = api
        .until(&pod, |pod| !pod["metadata"]["deletionTimestamp"].is_null())
        .await;
    assert_eq!(stuck["status"]["phase"], "Running");
    let path = format!("{JOBS}/lost");
    assert!(crate::client::condition(&api.cluster.object(&path).unwrap(), "Failed").is_none());
    api.cluster.remove_node(&node);
    api.condition(&path, "Failed").await;
    disrupted(&api.cluster.object(&path).unwrap());
    api.gone(&pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_and_places_that_are_not_there() {
    let api = Api::new().await;
    api.cluster.break_image("no-such-image");
    let mut wanted = job("pull", "exit 0");
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("registry.example.com/no-such-image:1");
    api.post(JOBS, &wanted).await;
    let pod = api.pod_of("pull").await;
    api.until(&pod, |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    })
    .await;
    for (name, field, value) in [
        ("nowhere", "nodeSelector", json!({"zone": "moon"})),
        (
            "huge",
            "containers",
            json!([{"name": "main", "image": "busybox:1", "resources": {"requests": {"cpu": "1k"}}}]),
        ),
    ] {
        let mut wanted = job(name, "exit 0");
        wanted["spec"]["template"]["spec"][field] = value;
        api.post(JOBS, &wanted).await;
        let pod = api.pod_of(name).await;
        let unschedulable = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|one| {
                one["reason"] == "Unschedulable"
                    && one["message"]
                        .as_str()
                        .unwrap()
                        .starts_with("0/2 nodes are available: 2 ")
            })
        };
        api.until(&pod, unschedulable).await;
        assert!(api.cluster.delete(&format!("{JOBS}/{name}")));
        api.gone(&pod).await;
    }
}
