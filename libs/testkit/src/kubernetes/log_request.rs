//! `pods/log`.

use std::sync::Arc;

use serde_json::Value;

use super::{
    clock,
    json::{self, list, text},
    kind::Kind,
    kubelet::{ContainerLog, LogOptions},
    refusal::Refusal,
    request::{Request, Target},
    state::State,
};

/// The log a request asks for, and what of it.
///
/// # Errors
/// 404 without such a pod, 400 for containers that do not exist or did not start, 500 when the
/// node does not answer.
pub(crate) fn find(
    state: &State,
    target: &Target,
    request: &Request,
) -> Result<(Arc<ContainerLog>, LogOptions), Refusal> {
    let name = target.name.as_deref().unwrap_or_default();
    let pod = state
        .get(Kind::Pod, &target.namespace, name)
        .ok_or_else(|| Refusal::not_found(Kind::Pod, name))?;
    let container = container(pod, request)?;
    let options = options(state, request)?;
    let node = text(pod, "/spec/nodeName");
    if node.is_empty() {
        return Err(Refusal::bad_request(format!(
            "pod {name} does not have a host assigned"
        )));
    }
    if state.steering.lost_nodes.contains(node) {
        return Err(Refusal::new(
            500,
            "InternalError",
            format!(
                "Get \"https://{node}:10250/containerLogs/{}/{name}/{container}\": dial tcp: i/o timeout",
                target.namespace
            ),
        ));
    }
    if request.flag("previous") {
        return Err(Refusal::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    let log = state.kubelets.log(json::uid(pod), container);
    let log = log.ok_or_else(|| not_started(pod, container))?;
    Ok((log, options))
}

/// The container a request means.
fn container<'a>(pod: &'a Value, request: &Request) -> Result<&'a str, Refusal> {
    let name = json::name(pod);
    let names: Vec<&str> = ["initContainers", "containers"]
        .iter()
        .flat_map(|field| list(pod, &format!("/spec/{field}")))
        .map(|container| text(container, "/name"))
        .collect();
    match (request.param("container"), names.as_slice()) {
        ("", [one]) => Ok(*one),
        ("", many) => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            many.join(" ")
        ))),
        (asked, names) => names
            .iter()
            .find(|name| **name == asked)
            .copied()
            .ok_or_else(|| {
                Refusal::bad_request(format!("container {asked} is not valid for pod {name}"))
            }),
    }
}

fn not_started(pod: &Value, container: &str) -> Refusal {
    let statuses = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|field| list(pod, &format!("/status/{field}")));
    let status = statuses
        .into_iter()
        .find(|status| status["name"] == container);
    let reason = match status.map_or("", |status| text(status, "/state/waiting/reason")) {
        "" => "ContainerCreating",
        reason => reason,
    };
    Refusal::bad_request(format!(
        "container {container:?} in pod {:?} is waiting to start: {reason}",
        json::name(pod)
    ))
}

fn options(state: &State, request: &Request) -> Result<LogOptions, Refusal> {
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        match request.number(name)? {
            None => Ok(None),
            Some(value) => usize::try_from(value).map(Some).map_err(|_| {
                Refusal::new(422, "Invalid", format!("PodLogOptions \"\" is invalid: {name}: Invalid value: {value}: must be greater than or equal to 0"))
            }),
        }
    };
    let seconds = request.number("sinceSeconds")?;
    let time = request.param("sinceTime");
    if seconds.is_some() && !time.is_empty() {
        return Err(Refusal::new(
            422,
            "Invalid",
            "PodLogOptions \"\" is invalid: sinceSeconds: Forbidden: at most one of sinceTime or sinceSeconds may be specified",
        ));
    }
    let since = match (seconds, time) {
        (Some(seconds), _) => Some(state.clock.nanos() - i128::from(seconds) * 1_000_000_000),
        (None, "") => None,
        (None, time) => {
            let nanos = clock::parse(time).ok_or_else(|| {
                Refusal::bad_request(format!(
                    "parsing time {time:?} as \"2006-01-02T15:04:05Z07:00\""
                ))
            })?;
            Some(nanos - nanos.rem_euclid(1_000_000_000))
        }
    };
    if let Some(0) = number("limitBytes")? {
        return Err(Refusal::new(
            422,
            "Invalid",
            "PodLogOptions \"\" is invalid: limitBytes: Invalid value: 0: must be greater than 0",
        ));
    }
    Ok(LogOptions {
        follow: request.flag("follow"),
        timestamps: request.flag("timestamps"),
        since,
        tail: number("tailLines")?,
        limit: number("limitBytes")?,
    })
}
