//! What the real server refuses.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, CONFIG_MAPS, JOBS, PODS, config_map, job};

/// Refused with these words somewhere in the message.
async fn refused(api: &Api, path: &str, body: &Value, code: u16, words: &str) {
    let (found, status) = api.json(Method::POST, path, body).await;
    assert_eq!(found.as_u16(), code, "{words}: {status}");
    assert!(
        status["message"].as_str().unwrap().contains(words),
        "{words}: {}",
        status["message"]
    );
    assert_eq!(
        (status["kind"].as_str(), status["code"].as_u64()),
        (Some("Status"), Some(u64::from(code)))
    );
}

/// Where, what, the code, and words of the message.
fn cases(text: &str) -> Vec<(String, Value, u16, String)> {
    serde_json::from_str(text).unwrap()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut job = job("one", "exit 0");
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    job.pointer_mut(parent).unwrap()[field] = value;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs() {
    let api = Api::new().await;
    for (pointer, value, code, words) in cases(include_str!("refused/jobs.json")) {
        refused(&api, JOBS, &with(&pointer, value), code, &words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_job() {
    let api = Api::new().await;
    api.job("fixed", "exit 0").await;
    let change = json!({"spec": {"template": {"spec": {"containers": null}}}});
    let (code, _) = api
        .patch(&format!("{JOBS}/fixed"), "merge-patch+json", &change)
        .await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    let change = json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}});
    let (code, status) = api
        .patch(&format!("{JOBS}/fixed"), "merge-patch+json", &change)
        .await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .ends_with("field is immutable"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_objects() {
    let api = Api::new().await;
    for (plural, more, code, words) in cases(include_str!("refused/others.json")) {
        let group = match plural.as_str() {
            "networkpolicies" => "/apis/networking.k8s.io/v1",
            _ => "/api/v1",
        };
        let path = format!("{group}/namespaces/default/{plural}");
        refused(&api, &path, &named(more), code, &words).await;
    }
    let large = named(json!({"data": {"a": "x".repeat(1024 * 1024 + 1)}}));
    refused(&api, CONFIG_MAPS, &large, 422, "Too long").await;
    let namespace = json!({"metadata": {"name": "a.b"}});
    let rule = "a lowercase RFC 1123 label";
    refused(&api, "/api/v1/namespaces", &namespace, 422, rule).await;
    let nowhere = "/api/v1/namespaces/none/configmaps";
    let words = "namespaces \"none\" not found";
    refused(&api, nowhere, &config_map("one"), 404, words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_immutable_stays() {
    let api = Api::new().await;
    let fixed = named(json!({"immutable": true, "data": {"a": "1"}}));
    api.post(CONFIG_MAPS, &fixed).await;
    let (code, _) = api
        .patch(
            &format!("{CONFIG_MAPS}/one"),
            "merge-patch+json",
            &json!({"data": {"a": "2"}}),
        )
        .await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
}

fn named(more: Value) -> Value {
    let mut object = json!({"metadata": {"name": "one"}});
    json_merge(&mut object, more);
    object
}

fn json_merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                json_merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1", "command": ["sleep", "1000"]}]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn restricted_pods() {
    let api = Api::new().await;
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    api.cluster.set_object(
        "/api/v1/namespaces/default",
        &json!({"metadata": {"labels": labels}}),
    );
    refused(&api, PODS, &pod("one"), 403,
        "pods \"one\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"main\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"main\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"main\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"main\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
    ).await;
    let mut good = pod("one");
    good["spec"]["securityContext"] =
        json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    good["spec"]["containers"][0]["securityContext"] =
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    api.post(PODS, &good).await;
    good["metadata"]["name"] = "two".into();
    good["spec"]["volumes"] = json!([{"name": "host", "hostPath": {"path": "/"}}]);
    refused(
        &api,
        PODS,
        &good,
        403,
        "restricted volume types (volume \"host\" uses restricted volume type \"hostPath\")",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_limits_and_webhooks() {
    let api = Api::new().await;
    api.post("/api/v1/namespaces/default/limitranges", &json!({"metadata": {"name": "limits"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}}]}})).await;
    let quota = "/api/v1/namespaces/default/resourcequotas/one";
    api.post(
        "/api/v1/namespaces/default/resourcequotas",
        &json!({"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1", "limits.cpu": "2"}}}),
    )
    .await;
    let made = api.post(PODS, &pod("one")).await;
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}})
    );
    refused(&api, PODS, &pod("two"), 403, "pods \"two\" is forbidden: exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1").await;
    api.until(quota, |quota| {
        quota["status"]["used"] == json!({"pods": "1", "limits.cpu": "500m"})
    })
    .await;
    let mut large = pod("three");
    large["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "2"}});
    refused(
        &api,
        PODS,
        &large,
        403,
        "maximum cpu usage per Container is 1, but limit is 2",
    )
    .await;
    api.cluster.deny_creation("jobs", Some("not on Fridays"));
    refused(
        &api,
        JOBS,
        &job("one", "exit 0"),
        400,
        "admission webhook \"policy.example.com\" denied the request: not on Fridays",
    )
    .await;
    api.cluster.deny_creation("jobs", None);
    api.job("one", "exit 0").await;
}
