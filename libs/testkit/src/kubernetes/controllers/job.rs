//! The Job controller.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::job_pods::{self, Pods};
use crate::kubernetes::{
    delete::Deletion,
    json::{self, int, is_true, set, set_condition, text},
    kind::Kind,
    state::State,
};

/// Why a Job fails: reason and message of its conditions.
struct Failure(String, String);

/// Returns when a Job is due without a change.
pub(super) fn reconcile(state: &mut State) -> Option<i128> {
    job_pods::release_orphans(state);
    let jobs: Vec<Arc<Value>> = state.list(Kind::Job, "").cloned().collect();
    jobs.iter().filter_map(|job| sync(state, job)).min()
}

fn is_finished(job: &Value) -> bool {
    is_true(job, "Complete") || is_true(job, "Failed")
}

fn sync(state: &mut State, job: &Value) -> Option<i128> {
    if is_finished(job) {
        return expire(state, job);
    }
    let mut new = job.clone();
    let now = state.clock.text();
    let suspended = json::flag(job, "/spec/suspend");
    if suspended {
        json::remove(&mut new, &["status", "startTime"]);
    } else {
        json::set_default(&mut new, &["status", "startTime"], now.clone());
    }
    let pods = Pods::of(state, job);
    let matched = job_pods::count(state, &mut new, &pods);
    let due = deadline(state, &new);
    let failure = failing(state, &new, matched, due);
    let mut retry = None;
    if let Some(failure) = &failure {
        mark(&mut new, "FailureTarget", failure, &now);
        job_pods::delete_active(state, job);
    } else if succeeded(&new) {
        let met = Failure(
            "CompletionsReached".into(),
            "Reached expected number of succeeded pods".into(),
        );
        mark(&mut new, "SuccessCriteriaMet", &met, &now);
        job_pods::delete_active(state, job);
    } else if suspended {
        mark(
            &mut new,
            "Suspended",
            &Failure("JobSuspended".into(), "Job suspended".into()),
            &now,
        );
        job_pods::withdraw(state, job);
    } else if !json::deleting(job) {
        resume(&mut new, &now);
        retry = job_pods::create_missing(state, &new);
    }
    let pods = Pods::of(state, job);
    summarize(&mut new, &pods);
    if pods.alive() == 0 {
        finish(&mut new, failure.as_ref(), &now);
    }
    tell(state, job, &new);
    if state
        .get(Kind::Job, json::namespace(job), json::name(job))
        .is_some()
    {
        state.put(Kind::Job, new);
    }
    [due, retry]
        .into_iter()
        .flatten()
        .filter(|due| *due > state.clock.nanos())
        .min()
}

fn resume(job: &mut Value, now: &str) {
    if is_true(job, "Suspended") {
        let resumed = json!({"type": "Suspended", "status": "False", "reason": "JobResumed", "message": "Job resumed"});
        set_condition(job, resumed, now);
    }
}

fn mark(job: &mut Value, kind: &str, failure: &Failure, now: &str) {
    let Failure(reason, message) = failure;
    if !is_true(job, kind) {
        let condition = json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastProbeTime": now});
        set_condition(job, condition, now);
    }
}

fn deadline(state: &State, job: &Value) -> Option<i128> {
    let seconds = int(job, "/spec/activeDeadlineSeconds")?;
    let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
    state
        .clock
        .deadline(text(job, "/status/startTime"), seconds)
}

fn failing(
    state: &State,
    job: &Value,
    matched: Option<String>,
    due: Option<i128>,
) -> Option<Failure> {
    if let Some(target) = json::condition(job, "FailureTarget") {
        return Some(Failure(
            text(target, "/reason").to_owned(),
            text(target, "/message").to_owned(),
        ));
    }
    if let Some(message) = matched {
        return Some(Failure("PodFailurePolicy".to_owned(), message));
    }
    let failed = int(job, "/status/failed").unwrap_or(0);
    if failed > int(job, "/spec/backoffLimit").unwrap_or(6) {
        return Some(Failure(
            "BackoffLimitExceeded".into(),
            "Job has reached the specified backoff limit".into(),
        ));
    }
    due.filter(|due| *due <= state.clock.nanos()).map(|_| {
        Failure(
            "DeadlineExceeded".into(),
            "Job was active longer than specified deadline".into(),
        )
    })
}

fn succeeded(job: &Value) -> bool {
    let wanted = int(job, "/spec/completions").unwrap_or(1);
    int(job, "/status/succeeded").unwrap_or(0) >= wanted
}

fn summarize(job: &mut Value, pods: &Pods) {
    let counts = [
        ("active", pods.active()),
        ("terminating", pods.terminating()),
        ("ready", pods.ready()),
    ];
    for (field, count) in counts {
        if count > 0 || ["terminating", "ready"].contains(&field) {
            set(job, &["status", field], count);
        } else {
            json::remove(job, &["status", field]);
        }
    }
    set(job, &["status", "uncountedTerminatedPods"], json!({}));
}

fn finish(job: &mut Value, failure: Option<&Failure>, now: &str) {
    if let Some(failure) = failure {
        mark(job, "Failed", failure, now);
    } else if is_true(job, "SuccessCriteriaMet") {
        let done = Failure(
            "CompletionsReached".into(),
            "Reached expected number of succeeded pods".into(),
        );
        mark(job, "Complete", &done, now);
        set(job, &["status", "completionTime"], now);
    }
}

fn tell(state: &mut State, old: &Value, new: &Value) {
    for kind in ["Complete", "Failed"] {
        if is_true(new, kind) && !is_true(old, kind) {
            let condition = json::condition(new, kind).cloned().unwrap_or_default();
            let (reason, level) = match kind {
                "Complete" => ("Completed", "Normal"),
                _ => (text(&condition, "/reason"), "Warning"),
            };
            state.event(
                (Kind::Job, new),
                level,
                reason,
                text(&condition, "/message"),
            );
        }
    }
}

/// Deletes a finished Job when its time to live is over.
fn expire(state: &mut State, job: &Value) -> Option<i128> {
    let seconds = int(job, "/spec/ttlSecondsAfterFinished")?;
    if json::deleting(job) {
        return None;
    }
    let finished = ["Complete", "Failed"]
        .iter()
        .filter(|kind| is_true(job, kind))
        .find_map(|kind| json::condition(job, kind))?;
    let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
    let due = state
        .clock
        .deadline(text(finished, "/lastTransitionTime"), seconds)?;
    if due > state.clock.nanos() {
        return Some(due);
    }
    let object = state
        .get(Kind::Job, json::namespace(job), json::name(job))
        .cloned()?;
    // Without preconditions nothing is refused.
    let _ = state.delete_object(Kind::Job, &object, &Deletion::foreground());
    None
}
