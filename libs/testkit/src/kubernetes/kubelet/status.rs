//! The status of a pod, as the kubelet writes it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::container::Exit;
use crate::kubernetes::{
    clock,
    json::{list, set, set_condition, text},
};

/// What is known of a container.
#[derive(Debug, Clone)]
pub(super) enum Now {
    Waiting(String, String),
    Running(i128),
    Ended(Exit),
}

/// Why and how a pod as a whole fails.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    /// Reason and message of `DisruptionTarget`.
    pub(super) disruption: Option<(String, String)>,
    pub(super) failed: bool,
}

/// Writes the state of all containers, and the phase that follows from it.
pub(super) fn write(pod: &mut Value, containers: &BTreeMap<String, Now>, phase: &str, now: &str) {
    for (spec, field) in [
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
    ] {
        let all: Vec<_> = list(pod, &format!("/spec/{spec}"))
            .iter()
            .map(|container| {
                let waiting = Now::Waiting("PodInitializing".to_owned(), String::new());
                entry(
                    container,
                    containers.get(text(container, "/name")).unwrap_or(&waiting),
                )
            })
            .collect();
        if !all.is_empty() {
            set(pod, &["status", field], all);
        }
    }
    set(pod, &["status", "phase"], phase);
    crate::kubernetes::json::set_default(pod, &["status", "startTime"], now);
    set(pod, &["status", "hostIP"], "127.0.0.1");
    let runs = phase == "Running";
    let completed = phase == "Succeeded";
    let ready = if runs { "True" } else { "False" };
    let conditions = [
        ("PodReadyToStartContainers", ready),
        (
            "Initialized",
            if runs || completed || phase == "Failed" {
                "True"
            } else {
                "False"
            },
        ),
        ("Ready", ready),
        ("ContainersReady", ready),
    ];
    for (kind, status) in conditions {
        let mut condition = json!({"type": kind, "status": status});
        if completed && status == "False" && kind.ends_with("eady") {
            condition["reason"] = "PodCompleted".into();
        } else if !runs && status == "False" && kind.ends_with("eady") {
            condition["reason"] = if phase == "Failed" {
                "PodFailed"
            } else {
                "ContainersNotReady"
            }
            .into();
        }
        set_condition(pod, condition, now);
    }
}

fn entry(container: &Value, now: &Now) -> Value {
    let name = text(container, "/name");
    let id = format!("containerd://{name}");
    let running = matches!(now, Now::Running(_));
    let (state, id) = match now {
        Now::Waiting(reason, message) => {
            let mut waiting = json!({"reason": reason});
            if !message.is_empty() {
                waiting["message"] = message.as_str().into();
            }
            (json!({"waiting": waiting}), String::new())
        }
        Now::Running(since) => (
            json!({"running": {"startedAt": clock::seconds(*since)}}),
            id,
        ),
        Now::Ended(exit) => {
            let mut ended = json!({
                "exitCode": exit.code, "reason": exit.reason, "containerID": id,
                "startedAt": clock::seconds(exit.started), "finishedAt": clock::seconds(exit.finished),
            });
            if let Some(message) = &exit.message {
                ended["message"] = message.as_str().into();
            }
            (json!({"terminated": ended}), id)
        }
    };
    json!({
        "name": name, "image": container["image"], "imageID": "", "ready": running, "started": running,
        "restartCount": 0, "state": state, "lastState": {}, "containerID": id,
    })
}

/// Writes why the pod as a whole failed.
pub(super) fn judge(pod: &mut Value, verdict: &Verdict, now: &str) {
    for (field, value) in [("reason", &verdict.reason), ("message", &verdict.message)] {
        if let Some(value) = value {
            set(pod, &["status", field], value.as_str());
        }
    }
    if let Some((reason, message)) = &verdict.disruption {
        let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message});
        set_condition(pod, condition, now);
    }
}
