//! The containers of a pod in the order their output is read. The order is fixed, so that reading
//! again gives the same bytes.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};

use crate::kubernetes::names;

/// Names of all containers: init containers one after the other, the run's own, then what runs
/// beside it.
pub(super) fn in_order(pod: &Pod) -> Vec<&str> {
    let Some(spec) = &pod.spec else {
        return Vec::new();
    };
    let beside = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let own = spec
        .containers
        .iter()
        .filter(|container| container.name == names::CONTAINER);
    let others = spec
        .containers
        .iter()
        .filter(|container| container.name != names::CONTAINER);
    init.iter()
        .filter(|container| !beside(container))
        .chain(own)
        .chain(init.iter().filter(beside))
        .chain(others)
        .map(|container| container.name.as_str())
        .collect()
}

/// Whether a container's output can be read, and whether it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Not yet.
    None,
    Growing,
    Complete,
}

pub(super) fn output(pod: &Pod, container: &str) -> Output {
    let status = pod.status.iter();
    let mut statuses = status.flat_map(|status| {
        let init = status.init_container_statuses.iter().flatten();
        init.chain(status.container_statuses.iter().flatten())
    });
    let state = statuses
        .find(|status| status.name == container)
        .and_then(|status: &ContainerStatus| status.state.as_ref());
    match state {
        Some(state) if state.terminated.is_some() => Output::Complete,
        Some(state) if state.running.is_some() => Output::Growing,
        _ => Output::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Pod {
        let document = json!({
            "spec": {
                "initContainers": [
                    {"name": "mesh", "restartPolicy": "Always"},
                    {"name": "prepare"},
                ],
                "containers": [{"name": "logger"}, {"name": "run"}],
            },
            "status": {
                "initContainerStatuses": [
                    {"name": "prepare", "state": {"terminated": {"exitCode": 0}}},
                    {"name": "mesh", "state": {"running": {}}},
                ],
                "containerStatuses": [
                    {"name": "run", "state": {"waiting": {"reason": "PodInitializing"}}},
                ],
            },
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn what_never_ends_by_itself_is_read_last() {
        assert_eq!(in_order(&pod()), ["prepare", "run", "mesh", "logger"]);
    }

    #[test]
    fn states_tell_what_can_be_read() {
        let states = ["prepare", "mesh", "run", "logger"].map(|name| output(&pod(), name));
        let expected = [
            Output::Complete,
            Output::Growing,
            Output::None,
            Output::None,
        ];
        assert_eq!(states, expected);
    }
}
