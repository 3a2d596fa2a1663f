//! The pods of a Job: made, counted, deleted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::garbage::is_owned_by;
use crate::kubernetes::{
    delete::Deletion,
    json::{self, int, list, set, text},
    kind::Kind,
    request::Target,
    state::State,
    write::Writer,
};

const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
const CREATE_AGAIN: i128 = 1_000_000_000;
const FIRST_BACKOFF: i128 = 10_000_000_000;

/// The pods of one Job.
pub(super) struct Pods(Vec<Arc<Value>>);

impl Pods {
    pub(super) fn of(state: &State, job: &Value) -> Self {
        let pods = state.list(Kind::Pod, json::namespace(job));
        Self(pods.filter(|pod| is_owned_by(pod, job)).cloned().collect())
    }
    fn count(&self, wanted: impl Fn(&Value) -> bool) -> i64 {
        let found = self.0.iter().filter(|pod| wanted(pod)).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    }
    pub(super) fn active(&self) -> i64 {
        self.count(|pod| !is_terminal(pod) && !json::deleting(pod))
    }
    pub(super) fn terminating(&self) -> i64 {
        self.count(|pod| !is_terminal(pod) && json::deleting(pod))
    }
    pub(super) fn alive(&self) -> i64 {
        self.count(|pod| !is_terminal(pod))
    }
    pub(super) fn ready(&self) -> i64 {
        self.count(|pod| !json::deleting(pod) && json::is_true(pod, "Ready"))
    }
}

fn is_terminal(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

/// Pods whose Job is gone are not held, and pods that never got a node end when they are deleted.
pub(super) fn release_orphans(state: &mut State) {
    let held: Vec<Arc<Value>> = state
        .list(Kind::Pod, "")
        .filter(|pod| json::has_finalizer(pod, FINALIZER))
        .cloned()
        .collect();
    for pod in held {
        let jobs = list(&pod, "/metadata/ownerReferences")
            .iter()
            .filter(|owner| owner["kind"] == "Job");
        let job = jobs
            .filter_map(|owner| state.get(Kind::Job, json::namespace(&pod), text(owner, "/name")))
            .next();
        let owned = job.is_some_and(|job| is_owned_by(&pod, job));
        if !owned {
            release(state, &pod);
        } else if json::deleting(&pod)
            && text(&pod, "/spec/nodeName").is_empty()
            && !is_terminal(&pod)
        {
            let mut new = Value::clone(&pod);
            set(&mut new, &["status", "phase"], "Failed");
            state.put(Kind::Pod, new);
        }
    }
}

fn release(state: &mut State, pod: &Value) {
    if let Some(mut new) = state.copy(Kind::Pod, json::namespace(pod), json::name(pod)) {
        json::remove_finalizer(&mut new, FINALIZER);
        state.put(Kind::Pod, new);
    }
}

/// Counts ended pods in the Job's status, once each; returns the message of the first failure that
/// a rule makes the Job's.
pub(super) fn count(state: &mut State, job: &mut Value, pods: &Pods) -> Option<String> {
    let only_failed = text(job, "/spec/podReplacementPolicy") == "Failed";
    let mut verdict = None;
    for pod in pods
        .0
        .iter()
        .filter(|pod| json::has_finalizer(pod, FINALIZER))
    {
        let phase = text(pod, "/status/phase");
        let gone = json::deleting(pod) && !only_failed && phase != "Succeeded";
        let field = match phase {
            "Succeeded" => "succeeded",
            "Failed" => "failed",
            _ if gone => "failed",
            _ => continue,
        };
        let matched = (field == "failed").then(|| rule(job, pod)).flatten();
        match matched {
            Some((action, message)) if action == "FailJob" => {
                verdict = verdict.or(Some(message));
                add(job, field);
            }
            Some((action, _)) if action == "Ignore" => {}
            _ => add(job, field),
        }
        if field == "failed" {
            back_off(state, json::uid(job));
        }
        release(state, pod);
    }
    verdict
}

fn add(job: &mut Value, field: &str) {
    let count = int(job, &format!("/status/{field}")).unwrap_or(0) + 1;
    set(job, &["status", field], count);
}

fn back_off(state: &mut State, job: &str) {
    let now = state.clock.nanos();
    let (failures, due) = state.job_backoff.entry(job.to_owned()).or_insert((0, now));
    *failures += 1;
    *due = now + (FIRST_BACKOFF << (*failures - 1).min(5));
}

/// The first rule of the Job's policy that a failed pod matches: its action, and the message.
fn rule(job: &Value, pod: &Value) -> Option<(String, String)> {
    let (namespace, name) = (json::namespace(pod), json::name(pod));
    for (index, rule) in list(job, "/spec/podFailurePolicy/rules").iter().enumerate() {
        let action = text(rule, "/action").to_owned();
        for wanted in list(rule, "/onPodConditions") {
            let found = json::condition(pod, text(wanted, "/type"));
            if found.is_some_and(|found| found["status"] == wanted["status"]) {
                let kind = text(wanted, "/type");
                let message = format!(
                    "Pod {namespace}/{name} has condition {kind} matching {action} rule at index {index}"
                );
                return Some((action, message));
            }
        }
        for status in ["containerStatuses", "initContainerStatuses"]
            .iter()
            .flat_map(|field| list(pod, &format!("/status/{field}")))
        {
            let Some(code) = int(status, "/state/terminated/exitCode").filter(|code| *code != 0)
            else {
                continue;
            };
            let container = text(status, "/name");
            if fits(&rule["onExitCodes"], container, code) {
                let message = format!(
                    "Container {container} for pod {namespace}/{name} failed with exit code {code} matching {action} rule at index {index}"
                );
                return Some((action, message));
            }
        }
    }
    None
}

fn fits(rule: &Value, container: &str, code: i64) -> bool {
    let named = text(rule, "/containerName");
    let listed = list(rule, "/values").iter().any(|value| value == code);
    let wanted = match text(rule, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        _ => return false,
    };
    wanted && (named.is_empty() || named == container)
}

/// Deletes what of a Job lives.
pub(super) fn delete_active(state: &mut State, job: &Value) {
    let pods = Pods::of(state, job);
    for pod in pods
        .0
        .iter()
        .filter(|pod| !is_terminal(pod) && !json::deleting(pod))
    {
        // Without preconditions nothing is refused.
        let _ = state.delete_object(Kind::Pod, pod, &Deletion::background());
    }
}

/// Deletes what of a suspended Job lives; these pods do not count.
pub(super) fn withdraw(state: &mut State, job: &Value) {
    let pods = Pods::of(state, job);
    let alive = |pod: &&Arc<Value>| !is_terminal(pod) && !json::deleting(pod);
    pods.0
        .iter()
        .filter(alive)
        .for_each(|pod| release(state, pod));
    delete_active(state, job);
}

/// Creates pods until there are enough; returns when to try again.
pub(super) fn create_missing(state: &mut State, job: &Value) -> Option<i128> {
    let pods = Pods::of(state, job);
    let left =
        int(job, "/spec/completions").unwrap_or(1) - int(job, "/status/succeeded").unwrap_or(0);
    let wanted = left.min(int(job, "/spec/parallelism").unwrap_or(1));
    let mut have = pods.active();
    if text(job, "/spec/podReplacementPolicy") == "Failed" {
        have += pods.terminating();
    }
    if have >= wanted {
        return None;
    }
    let due = state.job_backoff.get(json::uid(job)).map(|(_, due)| *due);
    if due.is_some_and(|due| due > state.clock.nanos()) {
        return due;
    }
    let target = Target {
        kind: Kind::Pod,
        namespace: json::namespace(job).to_owned(),
        name: None,
        subresource: None,
    };
    for _ in have..wanted {
        match state.create_object(&target, pod_of(job), &Writer::controller()) {
            Ok(pod) => {
                let message = format!("Created pod: {}", json::name(&pod));
                state.event((Kind::Job, job), "Normal", "SuccessfulCreate", &message);
            }
            Err(refusal) => {
                let message = format!("Error creating: {}", refusal.message);
                state.event((Kind::Job, job), "Warning", "FailedCreate", &message);
                let again = state.clock.nanos() + CREATE_AGAIN;
                state
                    .job_backoff
                    .insert(json::uid(job).to_owned(), (0, again));
                return Some(again);
            }
        }
    }
    None
}

fn pod_of(job: &Value) -> Value {
    let template = &job["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": json::name(job), "uid": json::uid(job), "controller": true, "blockOwnerDeletion": true});
    set(
        &mut metadata,
        &["generateName"],
        format!("{}-", json::name(job)),
    );
    set(&mut metadata, &["ownerReferences"], json!([owner]));
    set(&mut metadata, &["finalizers"], json!([FINALIZER]));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}
