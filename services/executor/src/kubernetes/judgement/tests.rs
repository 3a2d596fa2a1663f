//! Status documents as Kubernetes 1.33 to 1.36 writes them, and what they must be taken for.

mod blocked;
mod ended;
mod vanished;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::*;

const LIMITS: Limits = Limits {
    unschedulable_s: 300,
    image_pull_s: 300,
    launch_s: 60,
    start_s: 1500,
};

/// The Job was created at 12:00:00; the time of a case is given as seconds after it.
fn at(second: i64) -> Timestamp {
    let noon = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
    Timestamp::from_millis(noon.millis() + second * 1000)
}

fn merge(mut document: Value, patch: Value) -> Value {
    let (Value::Object(into), Value::Object(from)) = (&mut document, &patch) else {
        return patch;
    };
    for (key, value) in from {
        let old = into.remove(key).unwrap_or(Value::Null);
        into.insert(key.clone(), merge(old, value.clone()));
    }
    document
}

fn job(patch: Value) -> Job {
    let document = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "run-1", "namespace": "maestro-runs", "uid": "job", "resourceVersion": "10",
            "creationTimestamp": "2026-11-21T12:00:00Z",
        },
        "spec": {"backoffLimit": 0, "template": {}},
        "status": {"startTime": "2026-11-21T12:00:00Z", "active": 1, "ready": 0, "terminating": 0},
    });
    serde_json::from_value(merge(document, patch)).unwrap()
}

fn pod(patch: Value) -> SeenPod {
    let document = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "run-1-x7k2p", "namespace": "maestro-runs", "uid": "pod", "resourceVersion": "20",
            "creationTimestamp": "2026-11-21T12:00:01Z",
            "finalizers": ["batch.kubernetes.io/job-tracking"],
        },
        "spec": {
            "activeDeadlineSeconds": 600, "terminationGracePeriodSeconds": 10, "nodeName": "node-a",
            "containers": [{"name": "run", "image": "x"}],
        },
        "status": {"phase": "Running", "startTime": "2026-11-21T12:00:02Z", "qosClass": "Burstable"},
    });
    SeenPod {
        pod: Arc::new(serde_json::from_value(merge(document, patch)).unwrap()),
        gone: false,
    }
}

/// A pod whose container ended.
fn over(phase: &str, terminated: Value) -> Value {
    let state = merge(
        json!({
            "startedAt": "2026-11-21T12:00:03Z", "finishedAt": "2026-11-21T12:01:00Z",
            "containerID": "containerd://1",
        }),
        terminated,
    );
    json!({"status": {"phase": phase, "containerStatuses": [{
        "name": "run", "ready": false, "restartCount": 0, "image": "x", "imageID": "", "started": false,
        "state": {"terminated": state},
    }]}})
}

/// A pod whose container waits.
fn waiting(reason: &str, message: &str) -> Value {
    json!({"status": {"phase": "Pending", "containerStatuses": [{
        "name": "run", "ready": false, "restartCount": 0, "image": "x", "imageID": "", "started": false,
        "state": {"waiting": {"reason": reason, "message": message}},
    }]}})
}

fn disrupted(reason: &str, message: &str, time: &str) -> Value {
    json!({"status": {"conditions": [{
        "type": "DisruptionTarget", "status": "True", "reason": reason, "message": message,
        "lastTransitionTime": time,
    }]}})
}

fn ending(end: &str, second: i64) -> Value {
    let text = json!({"kind": end, "at": at(second)}).to_string();
    json!({"metadata": {"annotations": {"maestro.dev/ending": text}}, "spec": {"suspend": true}})
}

fn condition(kind: &str, reason: &str, message: &str) -> Value {
    json!({"status": {"active": 0, "conditions": [{
        "type": kind, "status": "True", "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-21T12:01:05Z",
    }]}})
}

fn facts(job: Option<Job>, pods: Vec<SeenPod>) -> Facts {
    Facts {
        job: job.map(Arc::new),
        pods: pods
            .into_iter()
            .map(|seen| (seen.pod.metadata.uid.clone().unwrap_or_default(), seen))
            .collect(),
        fresh: true,
        ..Facts::default()
    }
}

/// How it ended, with the detail; panics when it has not.
fn end(facts: &Facts, second: i64) -> (End, Option<String>) {
    match judge(facts, &LIMITS, at(second)) {
        Verdict::Seen {
            observation: Observation::Ended { end, detail, .. },
            ..
        } => (end, detail),
        other => panic!("it has not ended: {other:?}"),
    }
}

fn condemned(facts: &Facts, second: i64) -> Ending {
    match judge(facts, &LIMITS, at(second)) {
        Verdict::Condemned(ending) => ending,
        other => panic!("it is not condemned: {other:?}"),
    }
}

fn waits_until(facts: &Facts, second: i64) -> i64 {
    match judge(facts, &LIMITS, at(second)) {
        Verdict::Seen {
            observation: Observation::Starting,
            look_again: Some(look_again),
        } => (look_again.millis() - at(0).millis()) / 1000,
        other => panic!("it does not wait: {other:?}"),
    }
}
