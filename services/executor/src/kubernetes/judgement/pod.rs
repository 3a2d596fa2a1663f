//! What one pod says.

use std::time::Duration;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use maestro_domain::{Timestamp, report::End};

use super::{Blocker, Conclusion, Interruption, SeenPod, blocker, container, moment};
use crate::kubernetes::ending::Ending;

pub(super) use super::container::started_at;

/// Status times are whole seconds, cut off.
const RESOLUTION: Duration = Duration::from_secs(1);
/// Exit codes of a process that TERM or KILL ended.
const BY_SIGNAL: [i32; 2] = [128 + 9, 128 + 15];

/// Whether none of its containers runs or will run.
pub(crate) fn is_terminal(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

pub(super) fn reason(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.reason.as_deref()
}

pub(super) fn message(pod: &Pod) -> Option<String> {
    pod.status.as_ref()?.message.clone()
}

pub(super) fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// When its kubelet took it.
pub(super) fn acknowledged_at(pod: &Pod) -> Option<Timestamp> {
    pod.status.as_ref()?.start_time.as_ref().map(moment)
}

/// From its kubelet taking it to the last KILL.
pub(super) fn longest_life(pod: &Pod) -> Duration {
    let spec = pod.spec.as_ref();
    let seconds = |value: Option<i64>| {
        Duration::from_secs(
            value
                .and_then(|value| u64::try_from(value).ok())
                .unwrap_or(0),
        )
    };
    let deadline = seconds(spec.and_then(|spec| spec.active_deadline_seconds));
    deadline + seconds(spec.and_then(|spec| spec.termination_grace_period_seconds))
}

/// What a pod without a known obstacle waits for.
pub(super) fn waits_for(pod: &Pod) -> String {
    let first = blocker::waiting(pod).next();
    let reason = first.and_then(|waiting| waiting.reason.clone());
    reason.unwrap_or_else(|| "its node has not taken it".to_owned())
}

/// How a pod ended that is over or gone.
pub(super) fn result(
    seen: &SeenPod,
    job: Option<&Job>,
    ending: Option<&Ending>,
    now: Timestamp,
) -> Conclusion {
    let pod = &seen.pod;
    let terminated = container::terminated(pod);
    let finished_at = terminated.and_then(container::finished_at);
    let interruption = Interruption::first(pod, job, ending);
    let untouched = interruption.is_none() && pod.metadata.deletion_timestamp.is_none();
    let known = terminated.filter(|end| !container::is_unknown(end));
    let by_itself = known.filter(|end| match &interruption {
        None => true,
        Some(by) => {
            let killed = ending.is_some() && BY_SIGNAL.contains(&end.exit_code);
            let before = finished_at.zip(by.at);
            !killed && before.is_some_and(|(finished, by)| finished.after(RESOLUTION) <= by)
        }
    });
    let (end, detail) = match (by_itself, interruption.as_ref()) {
        (Some(terminated), _) => container::end(terminated),
        (None, Some(by)) if by.end == End::DeadlineExceeded && !has_run(pod) => never_ran(pod),
        (None, Some(by)) => (by.end, by.detail.clone()),
        (None, None) => unexplained(pod),
    };
    Conclusion {
        end,
        detail,
        started_at: started_at(pod),
        at: finished_at
            .or_else(|| interruption.and_then(|by| by.at))
            .unwrap_or(now),
        certain: untouched && by_itself.is_some(),
    }
}

fn has_run(pod: &Pod) -> bool {
    started_at(pod).is_some() || container::terminated(pod).is_some()
}

/// Its time was over before its container started: that is not the run's fault.
fn never_ran(pod: &Pod) -> (End, Option<String>) {
    match Blocker::of(pod) {
        Some(blocker) => (blocker.obstacle.end(), Some(blocker.detail)),
        None => {
            let why = waits_for(pod);
            let detail = format!("its deadline passed before it started: {why}");
            (End::LaunchRejected, Some(detail))
        }
    }
}

/// It failed or vanished, and nothing says why.
fn unexplained(pod: &Pod) -> (End, Option<String>) {
    if let Some((name, code)) = failed_init(pod) {
        let detail = format!("its init container {name} ended with code {code}");
        return (End::LaunchRejected, Some(detail));
    }
    let said = message(pod).or_else(|| {
        let terminated = container::terminated(pod)?;
        terminated.message.clone()
    });
    let detail = said.unwrap_or_else(|| "its pod is gone without a result".to_owned());
    (End::Lost, Some(detail))
}

fn failed_init(pod: &Pod) -> Option<(&str, i32)> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    statuses.iter().find_map(|status| {
        let terminated = status.state.as_ref()?.terminated.as_ref()?;
        (terminated.exit_code != 0).then_some((status.name.as_str(), terminated.exit_code))
    })
}
