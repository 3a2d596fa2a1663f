//! The restricted profile of the pod security standards.

use serde_json::Value;

use super::{
    json,
    json::{flag, list, text},
};

const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Says which containers something is wrong with.
type Naming<'a> = dyn Fn(&dyn Fn(&Value) -> bool) -> Option<String> + 'a;

/// What violates `restricted`, in the words of the admission controller.
pub(crate) fn violations(pod: &Value) -> Vec<String> {
    let containers: Vec<&Value> = ["initContainers", "containers"]
        .iter()
        .flat_map(|field| list(pod, &format!("/spec/{field}")))
        .collect();
    let names = |wrong: &dyn Fn(&Value) -> bool| {
        let found: Vec<_> = containers
            .iter()
            .filter(|container| wrong(container))
            .map(|container| format!("{:?}", text(container, "/name")))
            .collect();
        match found.len() {
            0 => None,
            1 => Some(format!("container {}", found[0])),
            _ => Some(format!("containers {}", found.join(", "))),
        }
    };
    let mut all = host(pod);
    let escalation = |c: &Value| {
        c.pointer("/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false))
    };
    if let Some(who) = names(&escalation) {
        all.push(format!("allowPrivilegeEscalation != false ({who} must set securityContext.allowPrivilegeEscalation=false)"));
    }
    if let Some(who) = names(&|c| flag(c, "/securityContext/privileged")) {
        all.push(format!(
            "privileged ({who} must not set securityContext.privileged=true)"
        ));
    }
    let capable = |c: &Value| {
        !list(c, "/securityContext/capabilities/drop")
            .iter()
            .any(|drop| drop == "ALL")
    };
    if let Some(who) = names(&capable) {
        all.push(format!(
            "unrestricted capabilities ({who} must set securityContext.capabilities.drop=[\"ALL\"])"
        ));
    }
    all.extend(volumes(pod));
    all.extend(users_and_profiles(pod, &names));
    all
}

fn users_and_profiles(pod: &Value, names: &Naming<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let by_pod = flag(pod, "/spec/securityContext/runAsNonRoot");
    let root = |c: &Value| match c.pointer("/securityContext/runAsNonRoot") {
        Some(value) => value != &Value::Bool(true),
        None => !by_pod,
    };
    if let Some(who) = names(&root) {
        all.push(format!(
            "runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)"
        ));
    }
    if json::int(pod, "/spec/securityContext/runAsUser") == Some(0) {
        all.push("runAsUser=0 (pod must not set runAsUser=0)".to_owned());
    }
    let fits = |profile: &str| ["RuntimeDefault", "Localhost"].contains(&profile);
    let by_pod = fits(text(pod, "/spec/securityContext/seccompProfile/type"));
    let unconfined = |c: &Value| match text(c, "/securityContext/seccompProfile/type") {
        "" => !by_pod,
        profile => !fits(profile),
    };
    if let Some(who) = names(&unconfined) {
        all.push(format!("seccompProfile (pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"));
    }
    all
}

fn host(pod: &Value) -> Vec<String> {
    let used: Vec<_> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|field| flag(pod, &format!("/spec/{field}")))
        .map(|field| format!("{field}=true"))
        .collect();
    if used.is_empty() {
        return Vec::new();
    }
    vec![format!("host namespaces ({})", used.join(", "))]
}

fn volumes(pod: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for volume in list(pod, "/spec/volumes") {
        let kinds = json::entries(volume, "")
            .map(|(key, _)| key.as_str())
            .filter(|key| *key != "name");
        for kind in kinds.filter(|kind| !VOLUMES.contains(kind)) {
            all.push(format!(
                "restricted volume types (volume {:?} uses restricted volume type {kind:?})",
                text(volume, "/name")
            ));
        }
    }
    all
}
