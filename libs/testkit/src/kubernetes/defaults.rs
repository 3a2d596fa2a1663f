//! Values the API server fills in.

use serde_json::{Value, json};

use super::{
    json::{self, list, set, set_default, text},
    kind::Kind,
};

/// What only a creation sets; name and uid are there.
pub(crate) fn prepare(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Job => {
            set(object, &["metadata", "generation"], 1);
            set(object, &["status"], json!({}));
            label_job(object);
        }
        Kind::Pod => {
            let class = qos(object);
            set(object, &["metadata", "generation"], 1);
            set(
                object,
                &["status"],
                json!({"phase": "Pending", "qosClass": class}),
            );
        }
        Kind::Namespace => {
            let name = json::name(object).to_owned();
            set(object, &["spec", "finalizers"], json!(["kubernetes"]));
            set(object, &["status"], json!({"phase": "Active"}));
            set(
                object,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                name,
            );
        }
        Kind::NetworkPolicy => set(object, &["metadata", "generation"], 1),
        Kind::ResourceQuota => set(object, &["status"], json!({})),
        _ => {}
    }
}

/// Selector and labels of a Job that has no manual selector.
fn label_job(job: &mut Value) {
    if json::flag(job, "/spec/manualSelector") {
        return;
    }
    let (name, uid) = (json::name(job).to_owned(), json::uid(job).to_owned());
    let labels = [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ];
    for (key, value) in labels {
        set(
            job,
            &["spec", "template", "metadata", "labels", key],
            value.clone(),
        );
    }
    set_default(
        job,
        &[
            "spec",
            "selector",
            "matchLabels",
            "batch.kubernetes.io/controller-uid",
        ],
        uid,
    );
}

/// What every write fills in.
pub(crate) fn fill(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Job => job(object),
        Kind::Pod => pod_spec(&mut object["spec"]),
        Kind::Secret => secret(object),
        Kind::NetworkPolicy => network_policy(object),
        _ => {}
    }
}

fn job(job: &mut Value) {
    let has_policy = json::has(job, "/spec/podFailurePolicy");
    for (field, value) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
        ("manualSelector", json!(false)),
    ] {
        set_default(job, &["spec", field], value);
    }
    if json::flag(job, "/spec/manualSelector") {
        set(job, &["spec", "manualSelector"], true);
    } else {
        json::remove(job, &["spec", "manualSelector"]);
    }
    let replacement = if has_policy {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    set_default(job, &["spec", "podReplacementPolicy"], replacement);
    let rules = job
        .pointer_mut("/spec/podFailurePolicy/rules")
        .and_then(Value::as_array_mut);
    for condition in rules.into_iter().flatten().flat_map(conditions_of) {
        set_default(condition, &["status"], "True");
    }
    if let Some(template) = job.pointer_mut("/spec/template/spec") {
        pod_spec(template);
    }
}

fn conditions_of(rule: &mut Value) -> impl Iterator<Item = &mut Value> {
    let conditions = rule
        .get_mut("onPodConditions")
        .and_then(Value::as_array_mut);
    conditions.into_iter().flatten()
}

fn pod_spec(spec: &mut Value) {
    for (field, value) in [
        ("restartPolicy", "Always"),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
    ] {
        set_default(spec, &[field], value);
    }
    set_default(spec, &["terminationGracePeriodSeconds"], 30);
    set_default(spec, &["securityContext"], json!({}));
    let account = text(spec, "/serviceAccountName").to_owned();
    if !account.is_empty() {
        set_default(spec, &["serviceAccount"], account);
    }
    for field in ["containers", "initContainers"] {
        let all = spec.get_mut(field).and_then(Value::as_array_mut);
        all.into_iter().flatten().for_each(container);
    }
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if volume.get(source).is_some_and(Value::is_object) {
                set_default(volume, &[source, "defaultMode"], 0o644);
            }
        }
    }
}

fn container(container: &mut Value) {
    let latest = {
        let image = text(container, "/image");
        let last = image.rsplit('/').next().unwrap_or_default();
        !last.contains(':') && !last.contains('@') || last.ends_with(":latest")
    };
    let pull = if latest { "Always" } else { "IfNotPresent" };
    set_default(container, &["imagePullPolicy"], pull);
    set_default(
        container,
        &["terminationMessagePath"],
        "/dev/termination-log",
    );
    set_default(container, &["terminationMessagePolicy"], "File");
    set_default(container, &["resources"], json!({}));
    let limits = container["resources"]["limits"].clone();
    for (resource, limit) in json::entries(&limits, "") {
        set_default(
            container,
            &["resources", "requests", resource],
            limit.clone(),
        );
    }
}

fn secret(secret: &mut Value) {
    set_default(secret, &["type"], "Opaque");
    let plain = secret.get("stringData").cloned().unwrap_or_default();
    for (key, value) in json::entries(&plain, "") {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
        set(secret, &["data", key], encoded);
    }
    json::remove(secret, &["stringData"]);
}

fn network_policy(policy: &mut Value) {
    if list(policy, "/spec/policyTypes").is_empty() {
        let mut types = vec!["Ingress"];
        if !list(policy, "/spec/egress").is_empty() {
            types.push("Egress");
        }
        set(policy, &["spec", "policyTypes"], types);
    }
    for direction in ["ingress", "egress"] {
        let rules = policy
            .pointer_mut(&format!("/spec/{direction}"))
            .and_then(Value::as_array_mut);
        let ports = rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.get_mut("ports")?.as_array_mut());
        ports
            .flatten()
            .for_each(|port| set_default(port, &["protocol"], "TCP"));
    }
}

fn qos(pod: &Value) -> &'static str {
    let containers = list(pod, "/spec/containers");
    let has = |container: &Value, field: &str| {
        !json::list(container, field).is_empty() || json::entries(container, field).next().is_some()
    };
    let guaranteed = containers.iter().all(|container| {
        let resources = &container["resources"];
        ["cpu", "memory"].iter().all(|resource| {
            let limit = &resources["limits"][*resource];
            let request = &resources["requests"][*resource];
            !limit.is_null() && (request.is_null() || request == limit)
        })
    });
    let any = containers.iter().any(|container| {
        has(container, "/resources/limits") || has(container, "/resources/requests")
    });
    match (guaranteed, any) {
        (true, _) => "Guaranteed",
        (false, true) => "Burstable",
        (false, false) => "BestEffort",
    }
}
