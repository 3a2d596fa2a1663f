//! What from outside ended a pod.

use std::time::Duration;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use maestro_domain::{Timestamp, report::End};

use super::{job, moment, pod};
use crate::kubernetes::ending::Ending;

/// Something that ended a pod before it ended by itself.
#[derive(Debug)]
pub(super) struct Interruption {
    pub(super) end: End,
    pub(super) detail: Option<String>,
    /// When it began; `None` where the status does not say.
    pub(super) at: Option<Timestamp>,
}

impl Interruption {
    /// The first of all that are recorded. A deletion counts only where nothing explains it: the
    /// others delete the pod, too.
    pub(super) fn first(pod: &Pod, job: Option<&Job>, ending: Option<&Ending>) -> Option<Self> {
        let explained = [
            ending.map(Self::ours),
            job.and_then(job::deadline),
            disruption(pod),
            by_kubelet(pod),
        ];
        explained
            .into_iter()
            .flatten()
            .min_by_key(|interruption| interruption.at)
            .or_else(|| deletion(pod))
    }

    fn ours(ending: &Ending) -> Self {
        Self {
            end: ending.end,
            detail: ending.detail.clone(),
            at: Some(ending.at),
        }
    }
}

/// The control plane's own mark.
fn disruption(pod: &Pod) -> Option<Interruption> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let mut disrupted = conditions
        .filter(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    let condition = disrupted.next()?;
    let end = match condition.reason.as_deref().unwrap_or_default() {
        "PreemptionByScheduler" => End::Preempted,
        "DeletionByTaintManager" | "DeletionByPodGC" => End::NodeLost,
        "TerminationByKubelet" => of_reason(pod::reason(pod)).unwrap_or(End::Evicted),
        _ => End::Evicted,
    };
    Some(Interruption {
        end,
        detail: condition.message.clone(),
        at: condition.last_transition_time.as_ref().map(moment),
    })
}

/// What the kubelet gives as reason of the pod's failure.
fn by_kubelet(pod: &Pod) -> Option<Interruption> {
    let reason = pod::reason(pod)?;
    let at = match reason {
        "DeadlineExceeded" => deadline(pod),
        _ => None,
    };
    Some(Interruption {
        end: of_reason(Some(reason))?,
        detail: pod::message(pod),
        at,
    })
}

fn of_reason(reason: Option<&str>) -> Option<End> {
    Some(match reason? {
        "DeadlineExceeded" => End::DeadlineExceeded,
        "Evicted" => End::Evicted,
        "Preempting" | "Preempted" => End::Preempted,
        "NodeLost" | "NodeShutdown" | "Shutdown" | "Terminated" => End::NodeLost,
        "NodeAffinity" | "PodAffinity" => End::Unschedulable,
        "UnexpectedAdmissionError" | "AppArmor" | "Forbidden" => End::LaunchRejected,
        other if other.starts_with("OutOf") => End::Unschedulable,
        _ => return None,
    })
}

fn deadline(pod: &Pod) -> Option<Timestamp> {
    let seconds = pod.spec.as_ref()?.active_deadline_seconds?;
    let seconds = u64::try_from(seconds).ok()?;
    Some(pod::acknowledged_at(pod)?.after(Duration::from_secs(seconds)))
}

/// Somebody deleted the pod.
fn deletion(pod: &Pod) -> Option<Interruption> {
    let meta = &pod.metadata;
    let deadline = moment(meta.deletion_timestamp.as_ref()?);
    let grace = meta.deletion_grace_period_seconds.unwrap_or_default();
    let asked_at = deadline.millis() - grace.saturating_mul(1000);
    Some(Interruption {
        end: End::Lost,
        detail: Some("its pod was deleted".to_owned()),
        at: Some(Timestamp::from_millis(asked_at)),
    })
}
