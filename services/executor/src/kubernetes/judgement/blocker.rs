//! What keeps a pod from starting.

use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use maestro_domain::{Timestamp, report::End};

use super::moment;

/// What is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// No node takes it.
    Unschedulable,
    /// The image cannot be pulled.
    ImagePull,
    /// The container cannot be created.
    Launch,
}

impl Obstacle {
    /// How it ends when the obstacle stays.
    pub(super) const fn end(self) -> End {
        match self {
            Self::Unschedulable => End::Unschedulable,
            Self::ImagePull => End::ImagePull,
            Self::Launch => End::LaunchRejected,
        }
    }
}

/// An obstacle as the pod's status tells it.
#[derive(Debug)]
pub(super) struct Blocker {
    pub(super) obstacle: Obstacle,
    pub(super) detail: String,
    /// Since when, where the status says.
    pub(super) since: Option<Timestamp>,
    /// Waiting cannot help.
    pub(super) hopeless: bool,
}

impl Blocker {
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        unscheduled(pod).or_else(|| waiting(pod).find_map(of_container))
    }
}

impl Obstacle {
    /// What is in the way of a pod now.
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        Blocker::of(pod).map(|blocker| blocker.obstacle)
    }
}

fn unscheduled(pod: &Pod) -> Option<Blocker> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let condition = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find(|condition| {
            let reason = condition.reason.as_deref();
            matches!(reason, Some("Unschedulable" | "SchedulingGated"))
        })?;
    Some(Blocker {
        obstacle: Obstacle::Unschedulable,
        detail: condition.message.clone().unwrap_or_default(),
        since: condition.last_transition_time.as_ref().map(moment),
        hopeless: false,
    })
}

/// What its containers wait for, injected ones and init containers included.
pub(super) fn waiting(pod: &Pod) -> impl Iterator<Item = &ContainerStateWaiting> {
    let status = pod.status.iter();
    let statuses = status.flat_map(|status| {
        let init = status.init_container_statuses.iter().flatten();
        init.chain(status.container_statuses.iter().flatten())
    });
    statuses.filter_map(|status| status.state.as_ref()?.waiting.as_ref())
}

fn of_container(waiting: &ContainerStateWaiting) -> Option<Blocker> {
    let reason = waiting.reason.as_deref()?;
    let (obstacle, hopeless) = match reason {
        "InvalidImageName" => (Obstacle::ImagePull, true),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => (Obstacle::ImagePull, false),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => (Obstacle::Launch, false),
        _ => return None,
    };
    let message = waiting.message.as_deref().unwrap_or_default();
    Some(Blocker {
        obstacle,
        detail: format!("{reason}: {message}"),
        since: None,
        hopeless,
    })
}
