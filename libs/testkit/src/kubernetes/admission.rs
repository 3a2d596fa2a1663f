//! What admission plugins do to new objects.

use serde_json::{Value, json};

use super::{
    json::{self, list, set_default, text},
    kind::Kind,
    quantity,
    refusal::Refusal,
    security,
    state::State,
    write::check_namespace,
};

/// Changes of admission plugins: limit ranges and the service account.
///
/// # Errors
/// When the namespace takes nothing new.
pub(crate) fn mutate(state: &State, kind: Kind, object: &mut Value) -> Result<(), Refusal> {
    check_namespace(state, kind, object)?;
    if kind != Kind::Pod {
        return Ok(());
    }
    set_default(object, &["spec", "serviceAccountName"], "default");
    let namespace = json::namespace(object).to_owned();
    let items: Vec<Value> = state
        .list(Kind::LimitRange, &namespace)
        .flat_map(|range| list(range, "/spec/limits"))
        .filter(|item| item["type"] == "Container")
        .cloned()
        .collect();
    for field in ["initContainers", "containers"] {
        let containers = object["spec"].get_mut(field).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            items.iter().for_each(|item| limit(container, item));
        }
    }
    if list(object, "/spec/tolerations").is_empty() {
        let all = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(
            |key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
        );
        json::set(object, &["spec", "tolerations"], Vec::from(all));
    }
    Ok(())
}

fn limit(container: &mut Value, item: &Value) {
    for (field, from) in [("limits", "default"), ("requests", "defaultRequest")] {
        for (resource, value) in json::entries(item, &format!("/{from}")) {
            set_default(container, &["resources", field, resource], value.clone());
        }
    }
}

/// Refusals of admission plugins.
///
/// # Errors
/// 403, in the words of the plugin; 400 for what a webhook denies.
pub(crate) fn check(state: &State, kind: Kind, object: &Value) -> Result<(), Refusal> {
    if let Some((_, says)) = state.steering.webhooks.iter().find(|(of, _)| *of == kind) {
        return Err(Refusal::new(
            400,
            "BadRequest",
            format!("admission webhook \"policy.example.com\" denied the request: {says}"),
        ));
    }
    if kind == Kind::Pod {
        check_account(state, object)?;
        check_limits(state, object)?;
        check_security(state, object)?;
    }
    check_quota(state, kind, object)
}

fn check_account(state: &State, pod: &Value) -> Result<(), Refusal> {
    let (namespace, account) = (json::namespace(pod), text(pod, "/spec/serviceAccountName"));
    if state
        .get(Kind::ServiceAccount, namespace, account)
        .is_some()
    {
        return Ok(());
    }
    let why = format!(
        "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
    );
    Err(Refusal::forbidden(Kind::Pod, json::name(pod), &why))
}

fn check_limits(state: &State, pod: &Value) -> Result<(), Refusal> {
    let ranges = state.list(Kind::LimitRange, json::namespace(pod));
    for item in ranges
        .flat_map(|range| list(range, "/spec/limits"))
        .filter(|item| item["type"] == "Container")
    {
        for (resource, max) in json::entries(item, "/max") {
            for container in list(pod, "/spec/containers") {
                let has = text(container, &format!("/resources/limits/{resource}"));
                let max = max.as_str().unwrap_or_default();
                let why = match quantity::millis(has) {
                    None => format!(
                        "maximum {resource} usage per Container is {max}.  No limit is specified"
                    ),
                    Some(limit) if Some(limit) > quantity::millis(max) => {
                        format!(
                            "maximum {resource} usage per Container is {max}, but limit is {has}"
                        )
                    }
                    Some(_) => continue,
                };
                return Err(Refusal::forbidden(Kind::Pod, json::name(pod), &why));
            }
        }
    }
    Ok(())
}

fn check_security(state: &State, pod: &Value) -> Result<(), Refusal> {
    let namespace = state.get(Kind::Namespace, "", json::namespace(pod));
    let labels = namespace.map(|namespace| &namespace["metadata"]["labels"]);
    let level = labels.and_then(|labels| labels["pod-security.kubernetes.io/enforce"].as_str());
    let found = match level {
        Some("restricted") => security::violations(pod),
        _ => Vec::new(),
    };
    if found.is_empty() {
        return Ok(());
    }
    let version =
        labels.and_then(|labels| labels["pod-security.kubernetes.io/enforce-version"].as_str());
    let why = format!(
        "violates PodSecurity \"restricted:{}\": {}",
        version.unwrap_or("latest"),
        found.join(", ")
    );
    Err(Refusal::forbidden(Kind::Pod, json::name(pod), &why))
}

fn check_quota(state: &State, kind: Kind, object: &Value) -> Result<(), Refusal> {
    for quota in state.list(Kind::ResourceQuota, json::namespace(object)) {
        let mut exceeded = Vec::new();
        for (resource, hard) in json::entries(quota, "/spec/hard") {
            let Some(asked) = usage(kind, object, resource) else {
                continue;
            };
            if asked.is_none() && kind == Kind::Pod {
                let why = format!(
                    "failed quota: {}: must specify {resource} for: {}",
                    json::name(quota),
                    text(object, "/spec/containers/0/name")
                );
                return Err(Refusal::forbidden(kind, json::name(object), &why));
            }
            let asked = asked.unwrap_or(0);
            let used = used(state, json::namespace(object), resource);
            let hard = hard.as_str().and_then(quantity::millis).unwrap_or(0);
            if used + asked > hard {
                exceeded.push((resource, asked, used, hard));
            }
        }
        if !exceeded.is_empty() {
            let part = |pick: fn(&(&String, i128, i128, i128)) -> i128| {
                let all: Vec<_> = exceeded
                    .iter()
                    .map(|one| format!("{}={}", one.0, quantity::text(pick(one))))
                    .collect();
                all.join(",")
            };
            let why = format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                json::name(quota),
                part(|one| one.1),
                part(|one| one.2),
                part(|one| one.3)
            );
            return Err(Refusal::forbidden(kind, json::name(object), &why));
        }
    }
    Ok(())
}

/// What of a resource is used in a namespace, in thousandths.
pub(crate) fn used(state: &State, namespace: &str, resource: &str) -> i128 {
    let objects = Kind::ALL
        .into_iter()
        .filter(|kind| kind.info().namespaced)
        .flat_map(|kind| {
            state
                .list(kind, namespace)
                .map(move |object| (kind, object))
        });
    let ended = |object: &Value| ["Succeeded", "Failed"].contains(&text(object, "/status/phase"));
    objects
        .filter(|(kind, object)| *kind != Kind::Pod || !ended(object))
        .filter_map(|(kind, object)| usage(kind, object, resource).flatten())
        .sum()
}

/// What of a resource an object uses: `None` when it does not count, `Some(None)` when it must say
/// and does not.
#[allow(clippy::option_option, reason = "the two absences differ")]
fn usage(kind: Kind, object: &Value, resource: &str) -> Option<Option<i128>> {
    let one = Some(Some(1000));
    if let Some(counted) = resource.strip_prefix("count/") {
        return (counted == kind.qualified()).then_some(Some(1000));
    }
    match (kind, resource) {
        (Kind::Pod, "pods") | (Kind::ConfigMap, "configmaps") | (Kind::Secret, "secrets") => one,
        (Kind::Pod, _) => {
            let (field, name) = resource.split_once('.').unwrap_or(("requests", resource));
            if !["requests", "limits"].contains(&field)
                || !["cpu", "memory", "ephemeral-storage"].contains(&name)
            {
                return None;
            }
            let each = list(object, "/spec/containers").iter().map(|container| {
                quantity::millis(text(container, &format!("/resources/{field}/{name}")))
            });
            Some(each.sum())
        }
        _ => None,
    }
}
