//! How the run's container ended by itself.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use maestro_domain::{Timestamp, report::End};

use super::moment;
use crate::kubernetes::names;

/// Status of the run's own container.
pub(super) fn own(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|status| status.name == names::CONTAINER)
}

/// How it terminated.
pub(super) fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    own(pod)?.state.as_ref()?.terminated.as_ref()
}

/// When the process started; `None` when it never did.
pub(super) fn started_at(pod: &Pod) -> Option<Timestamp> {
    let state = own(pod)?.state.as_ref()?;
    let running = state
        .running
        .as_ref()
        .and_then(|run| run.started_at.as_ref());
    let terminated = state
        .terminated
        .as_ref()
        .and_then(|end| end.started_at.as_ref());
    running.or(terminated).map(moment).filter(is_real)
}

/// When it ended.
pub(super) fn finished_at(terminated: &ContainerStateTerminated) -> Option<Timestamp> {
    terminated.finished_at.as_ref().map(moment).filter(is_real)
}

/// The kubelet could not find out what became of it.
pub(super) fn is_unknown(terminated: &ContainerStateTerminated) -> bool {
    terminated.reason.as_deref() == Some("ContainerStatusUnknown")
}

/// What its status says, with what the kubelet said about it.
pub(super) fn end(terminated: &ContainerStateTerminated) -> (End, Option<String>) {
    let said = terminated.message.clone().filter(|said| !said.is_empty());
    let end = match terminated.reason.as_deref() {
        Some("OOMKilled") => End::OomKilled,
        Some("StartError" | "ContainerCannotRun") => End::LaunchRejected,
        _ => match terminated.signal {
            Some(signal) if signal > 0 => End::Signaled { signal },
            _ => End::Exited {
                code: terminated.exit_code,
            },
        },
    };
    (end, said)
}

/// A container that never ran carries the beginning of the epoch.
fn is_real(at: &Timestamp) -> bool {
    at.millis() > 0
}
