//! Puts pods on nodes.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kubernetes::{
    json::{self, entries, list, set, set_condition, text},
    kind::Kind,
    quantity,
    state::State,
};

pub(super) fn reconcile(state: &mut State) {
    if state.steering.scheduler_paused {
        return;
    }
    let waiting: Vec<Arc<Value>> = state
        .list(Kind::Pod, "")
        .filter(|pod| text(pod, "/spec/nodeName").is_empty() && !json::deleting(pod))
        .filter(|pod| text(pod, "/status/phase") == "Pending")
        .cloned()
        .collect();
    for pod in waiting {
        schedule(state, &pod);
    }
}

fn schedule(state: &mut State, pod: &Value) {
    let now = state.clock.text();
    let mut new = pod.clone();
    match choose(state, pod) {
        Ok(node) => {
            set(&mut new, &["spec", "nodeName"], node);
            set_condition(
                &mut new,
                json!({"type": "PodScheduled", "status": "True"}),
                &now,
            );
        }
        Err(why) => {
            if json::condition(pod, "PodScheduled").is_some_and(|found| found["message"] == why) {
                return;
            }
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why});
            set_condition(&mut new, condition, &now);
            state.event((Kind::Pod, pod), "Warning", "FailedScheduling", &why);
        }
    }
    state.put(Kind::Pod, new);
}

/// The node with the fewest pods among those that fit.
fn choose(state: &State, pod: &Value) -> Result<String, String> {
    let nodes: Vec<&Arc<Value>> = state.list(Kind::Node, "").collect();
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    let mut fitting = Vec::new();
    for node in &nodes {
        match obstacle(state, node, pod) {
            None => fitting.push(node),
            Some(reason) => match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            },
        }
    }
    let load = |node: &Value| pods_on(state, json::name(node)).count();
    if let Some(node) = fitting.into_iter().min_by_key(|node| load(node)) {
        return Ok(json::name(node).to_owned());
    }
    let reasons: Vec<_> = reasons
        .into_iter()
        .map(|(reason, count)| match reason.starts_with("Insufficient") {
            true => format!("{count} {reason}"),
            false => format!("{count} node(s) {reason}"),
        })
        .collect();
    Err(format!(
        "0/{} nodes are available: {}. preemption: 0/{} nodes are available: {} Preemption is not helpful for scheduling.",
        nodes.len(),
        reasons.join(", "),
        nodes.len(),
        nodes.len(),
    ))
}

fn pods_on<'a>(state: &'a State, node: &str) -> impl Iterator<Item = &'a Arc<Value>> {
    let node = node.to_owned();
    state
        .list(Kind::Pod, "")
        .filter(move |pod| text(pod, "/spec/nodeName") == node)
        .filter(|pod| !["Succeeded", "Failed"].contains(&text(pod, "/status/phase")))
}

fn obstacle(state: &State, node: &Value, pod: &Value) -> Option<&'static str> {
    let name = json::name(node);
    if state.steering.lost_nodes.contains(name) {
        return Some("had untolerated taint {node.kubernetes.io/unreachable: }");
    }
    let selected = entries(pod, "/spec/nodeSelector")
        .all(|(key, value)| node["metadata"]["labels"].get(key) == Some(value));
    if !selected {
        return Some("didn't match Pod's node affinity/selector");
    }
    if !list(node, "/spec/taints")
        .iter()
        .all(|taint| tolerated(pod, taint))
    {
        return Some("had untolerated taint(s)");
    }
    for (resource, reason) in [
        ("cpu", "Insufficient cpu"),
        ("memory", "Insufficient memory"),
    ] {
        let has =
            quantity::millis(text(node, &format!("/status/allocatable/{resource}"))).unwrap_or(0);
        let used: i128 = pods_on(state, name)
            .map(|pod| requested(pod, resource))
            .sum();
        if used + requested(pod, resource) > has {
            return Some(reason);
        }
    }
    None
}

fn requested(pod: &Value, resource: &str) -> i128 {
    list(pod, "/spec/containers")
        .iter()
        .filter_map(|container| {
            quantity::millis(text(container, &format!("/resources/requests/{resource}")))
        })
        .sum()
}

fn tolerated(pod: &Value, taint: &Value) -> bool {
    list(pod, "/spec/tolerations").iter().any(|toleration| {
        let key = text(toleration, "/key");
        let effect = text(toleration, "/effect");
        (key.is_empty() || key == text(taint, "/key"))
            && (effect.is_empty() || effect == text(taint, "/effect"))
            && (text(toleration, "/operator") == "Exists"
                || text(toleration, "/value") == text(taint, "/value"))
    })
}
