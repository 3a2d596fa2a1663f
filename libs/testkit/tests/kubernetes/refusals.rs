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

fn with(pointer: &str, value: Value) -> Value {
    let mut job = job("one", "exit 0");
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    job.pointer_mut(parent).unwrap()[field] = value;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs() {
    let api = Api::new().await;
    let template = "/spec/template/spec";
    let cases = [
        (
            "/spec/backofLimit",
            json!(0),
            400,
            "strict decoding error: unknown field \"spec.backofLimit\"",
        ),
        (
            "/spec/backoffLimit",
            json!("0"),
            400,
            "cannot be handled as a Job",
        ),
        (
            "/spec/backoffLimit",
            json!(-1),
            422,
            "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "/metadata/name",
            json!("Upper"),
            422,
            "a lowercase RFC 1123 subdomain must consist of",
        ),
        (
            "/metadata/name",
            json!("a".repeat(64)),
            422,
            "must be no more than 63 bytes",
        ),
        (
            "/metadata/labels",
            json!({"a b": "c"}),
            422,
            "name part must consist of alphanumeric characters",
        ),
        (
            "/metadata/labels",
            json!({"a": "b c"}),
            422,
            "a valid label must be an empty string or",
        ),
        (
            "/spec/podReplacementPolicy",
            json!("TerminatingOrFailed"),
            422,
            "spec.podReplacementPolicy: Unsupported value",
        ),
        (
            "/spec/podFailurePolicy",
            json!({"rules": [{"action": "FailJob"}]}),
            422,
            "specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            "/spec/podFailurePolicy",
            json!({"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}]}),
            422,
            "must not be 0 for the In operator",
        ),
    ];
    for (pointer, value, code, words) in cases {
        refused(&api, JOBS, &with(pointer, value), code, words).await;
    }
    let cases = [
        (
            "restartPolicy",
            json!("OnFailure"),
            "only \"Never\" is supported for restartPolicy when podFailurePolicy is specified",
        ),
        (
            "restartPolicy",
            json!("Always"),
            "restartPolicy: Unsupported value",
        ),
        (
            "containers",
            json!([]),
            "spec.template.spec.containers: Required value",
        ),
        (
            "volumes",
            json!([{"name": "a"}]),
            "must specify a volume type",
        ),
        (
            "nodeSelector",
            json!({"zone": "a b"}),
            "a valid label must be",
        ),
        (
            "tolerations",
            json!([{"operator": "Sometimes", "key": "a"}]),
            "operator: Unsupported value",
        ),
    ];
    for (field, value, words) in cases {
        refused(
            &api,
            JOBS,
            &with(&format!("{template}/{field}"), value),
            422,
            words,
        )
        .await;
    }
    let container = format!("{template}/containers/0");
    let cases = [
        ("image", json!(""), "image: Required value"),
        (
            "name",
            json!("a_b"),
            "a lowercase RFC 1123 label must consist of",
        ),
        (
            "volumeMounts",
            json!([{"name": "none", "mountPath": "/x"}]),
            "volumeMounts[0].name: Not found: \"none\"",
        ),
        (
            "env",
            json!([{"name": "A=B", "value": "x"}]),
            "a valid environment variable name must consist",
        ),
        (
            "env",
            json!([{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
            "may not be specified when `value` is not empty",
        ),
        (
            "resources",
            json!({"limits": {"cpu": "lots"}}),
            "quantities must match",
        ),
        (
            "resources",
            json!({"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
            "must be less than or equal to cpu limit of 1",
        ),
        (
            "imagePullPolicy",
            json!("Sometimes"),
            "imagePullPolicy: Unsupported value",
        ),
    ];
    for (field, value, words) in cases {
        refused(
            &api,
            JOBS,
            &with(&format!("{container}/{field}"), value),
            422,
            words,
        )
        .await;
    }
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
    let secrets = "/api/v1/namespaces/default/secrets";
    let policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    let named = |more: Value| {
        let mut object = json!({"metadata": {"name": "one"}});
        json_merge(&mut object, more);
        object
    };
    let peer =
        |peer: Value| named(json!({"spec": {"podSelector": {}, "egress": [{"to": [peer]}]}}));
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"data": {"a/b": "x"}})),
        422,
        "a valid config key must consist of",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"data": {"a": 1}})),
        400,
        "cannot be handled as a ConfigMap",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"data": {"a": "x".repeat(1024 * 1024 + 1)}})),
        422,
        "Too long",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &json!({"data": {}}),
        422,
        "name or generateName is required",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"kind": "Secret"})),
        400,
        "does not match the expected kind",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"metadata": {"namespace": "other"}})),
        400,
        "does not match the namespace sent on the request",
    )
    .await;
    refused(
        &api,
        CONFIG_MAPS,
        &named(json!({"metadata": {"finalizers": ["hold"]}})),
        422,
        "neither a standard finalizer name nor",
    )
    .await;
    refused(
        &api,
        secrets,
        &named(json!({"data": {"a": "not base64!"}})),
        400,
        "cannot be handled as a Secret",
    )
    .await;
    refused(
        &api,
        policies,
        &peer(json!({"ipBlock": {"cidr": "10.0.0.0"}})),
        422,
        "must be a valid CIDR value",
    )
    .await;
    refused(
        &api,
        policies,
        &peer(json!({"ipBlock": {"cidr": "::/0"}, "podSelector": {}})),
        422,
        "may not specify both ipBlock and another peer",
    )
    .await;
    refused(
        &api,
        quotas,
        &named(json!({"spec": {"hard": {"podz": "1"}}})),
        422,
        "must be a standard resource for quota",
    )
    .await;
    refused(
        &api,
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "a.b"}}),
        422,
        "a lowercase RFC 1123 label",
    )
    .await;
    refused(
        &api,
        "/api/v1/namespaces/none/configmaps",
        &config_map("one"),
        404,
        "namespaces \"none\" not found",
    )
    .await;
    api.post(
        CONFIG_MAPS,
        &named(json!({"immutable": true, "data": {"a": "1"}})),
    )
    .await;
    let (code, _) = api
        .patch(
            &format!("{CONFIG_MAPS}/one"),
            "merge-patch+json",
            &json!({"data": {"a": "2"}}),
        )
        .await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
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
