//! Pods and pod templates.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kubernetes::{
    json::{self, entries, has, int, list, text},
    naming, quantity,
    refusal::Cause,
};

const SOURCES: [&str; 8] = [
    "configMap",
    "secret",
    "emptyDir",
    "projected",
    "downwardAPI",
    "hostPath",
    "persistentVolumeClaim",
    "ephemeral",
];

/// Checks a pod's `spec`, which is at the path `at`.
pub(super) fn check(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let volumes = volumes(spec, at, causes);
    let mut names = BTreeSet::new();
    if list(spec, "/containers").is_empty() {
        causes.push(Cause::required(format!("{at}.containers"), ""));
    }
    for field in ["initContainers", "containers"] {
        for (index, one) in list(spec, &format!("/{field}")).iter().enumerate() {
            let at = format!("{at}.{field}[{index}]");
            if !names.insert(text(one, "/name").to_owned()) {
                causes.push(Cause::duplicate(format!("{at}.name"), &one["name"]));
            }
            container(one, &at, &volumes, causes);
        }
    }
    let policy = &spec["restartPolicy"];
    if !["Always", "OnFailure", "Never"].contains(&policy.as_str().unwrap_or_default()) {
        causes.push(Cause::unsupported(
            format!("{at}.restartPolicy"),
            policy,
            &["Always", "OnFailure", "Never"],
        ));
    }
    for (field, minimum) in [
        ("activeDeadlineSeconds", 1),
        ("terminationGracePeriodSeconds", 0),
    ] {
        if int(spec, &format!("/{field}"))
            .is_some_and(|value| value < minimum || value > i64::from(i32::MAX))
        {
            causes.push(Cause::invalid(
                format!("{at}.{field}"),
                &spec[field],
                "must be between 1 and 2147483647, inclusive",
            ));
        }
    }
    super::metadata::labels(&spec["nodeSelector"], &format!("{at}.nodeSelector"), causes);
    tolerations(spec, at, causes);
    let account = text(spec, "/serviceAccountName");
    if !account.is_empty()
        && let Err(why) = naming::subdomain(account)
    {
        causes.push(Cause::invalid(
            format!("{at}.serviceAccountName"),
            &account.into(),
            &why,
        ));
    }
    for (index, secret) in list(spec, "/imagePullSecrets").iter().enumerate() {
        if text(secret, "/name").is_empty() {
            causes.push(Cause::required(
                format!("{at}.imagePullSecrets[{index}].name"),
                "",
            ));
        }
    }
}

fn volumes(spec: &Value, at: &str, causes: &mut Vec<Cause>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        let at = format!("{at}.volumes[{index}]");
        let name = text(volume, "/name");
        if let Err(why) = naming::label(name) {
            causes.push(Cause::invalid(format!("{at}.name"), &name.into(), &why));
        }
        if !names.insert(name.to_owned()) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
        match SOURCES
            .iter()
            .filter(|source| has(volume, &format!("/{source}")))
            .count()
        {
            0 => causes.push(Cause::required(at.clone(), "must specify a volume type")),
            1 => {}
            _ => causes.push(Cause::forbidden(
                at.clone(),
                "may not specify more than 1 volume type",
            )),
        }
        for (source, field) in [("configMap", "name"), ("secret", "secretName")] {
            if has(volume, &format!("/{source}"))
                && text(volume, &format!("/{source}/{field}")).is_empty()
            {
                causes.push(Cause::required(format!("{at}.{source}.{field}"), ""));
            }
            for (index, item) in list(volume, &format!("/{source}/items")).iter().enumerate() {
                let path = text(item, "/path");
                if path.is_empty()
                    || path.starts_with('/')
                    || path.split('/').any(|part| part == "..")
                {
                    causes.push(Cause::invalid(
                        format!("{at}.{source}.items[{index}].path"),
                        &item["path"],
                        "must be a relative path and must not contain '..'",
                    ));
                }
            }
        }
    }
    names
}

fn container(container: &Value, at: &str, volumes: &BTreeSet<String>, causes: &mut Vec<Cause>) {
    let name = text(container, "/name");
    if name.is_empty() {
        causes.push(Cause::required(format!("{at}.name"), ""));
    } else if let Err(why) = naming::label(name) {
        causes.push(Cause::invalid(format!("{at}.name"), &name.into(), &why));
    }
    let image = text(container, "/image");
    if image.is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        causes.push(Cause::invalid(
            format!("{at}.image"),
            &image.into(),
            "must not have leading or trailing whitespace",
        ));
    }
    let pull = &container["imagePullPolicy"];
    if !["Always", "IfNotPresent", "Never"].contains(&pull.as_str().unwrap_or_default()) {
        causes.push(Cause::unsupported(
            format!("{at}.imagePullPolicy"),
            pull,
            &["Always", "IfNotPresent", "Never"],
        ));
    }
    environment(container, at, causes);
    mounts(container, at, volumes, causes);
    resources(container, at, causes);
    if json::flag(container, "/securityContext/privileged")
        && container.pointer("/securityContext/allowPrivilegeEscalation")
            == Some(&Value::Bool(false))
    {
        causes.push(Cause::invalid(
            format!("{at}.securityContext"),
            &container["securityContext"],
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ));
    }
}

fn environment(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (index, variable) in list(container, "/env").iter().enumerate() {
        let at = format!("{at}.env[{index}]");
        let name = text(variable, "/name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if let Err(why) = naming::env_name(name) {
            causes.push(Cause::invalid(format!("{at}.name"), &name.into(), &why));
        }
        let from = &variable["valueFrom"];
        if from.is_null() {
            continue;
        }
        let sources = entries(from, "")
            .filter(|(_, value)| !value.is_null())
            .count();
        if !text(variable, "/value").is_empty() && sources > 0 {
            causes.push(Cause::invalid(
                format!("{at}.valueFrom"),
                &"".into(),
                "may not be specified when `value` is not empty",
            ));
        }
        if sources != 1 {
            causes.push(Cause::invalid(format!("{at}.valueFrom"), &"".into(), "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
        }
        for source in ["configMapKeyRef", "secretKeyRef"] {
            for field in ["name", "key"] {
                if has(from, &format!("/{source}"))
                    && text(from, &format!("/{source}/{field}")).is_empty()
                {
                    causes.push(Cause::required(
                        format!("{at}.valueFrom.{source}.{field}"),
                        "",
                    ));
                }
            }
        }
    }
    for (index, from) in list(container, "/envFrom").iter().enumerate() {
        let named = ["configMapRef", "secretRef"]
            .iter()
            .filter(|source| !text(from, &format!("/{source}/name")).is_empty());
        if named.count() != 1 {
            causes.push(Cause::invalid(
                format!("{at}.envFrom[{index}]"),
                &"".into(),
                "must specify one of: `configMapRef` or `secretRef`",
            ));
        }
    }
}

fn mounts(container: &Value, at: &str, volumes: &BTreeSet<String>, causes: &mut Vec<Cause>) {
    let mut paths = BTreeSet::new();
    for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
        let at = format!("{at}.volumeMounts[{index}]");
        if !volumes.contains(text(mount, "/name")) {
            causes.push(Cause::not_found(format!("{at}.name"), &mount["name"]));
        }
        let path = text(mount, "/mountPath");
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        } else if !paths.insert(path) {
            causes.push(Cause::invalid(
                format!("{at}.mountPath"),
                &path.into(),
                "must be unique",
            ));
        }
        let sub = text(mount, "/subPath");
        if sub.starts_with('/') || sub.split('/').any(|part| part == "..") {
            causes.push(Cause::invalid(
                format!("{at}.subPath"),
                &sub.into(),
                "must be a relative path",
            ));
        }
    }
}

fn resources(container: &Value, at: &str, causes: &mut Vec<Cause>) {
    for field in ["limits", "requests"] {
        for (resource, value) in entries(container, &format!("/resources/{field}")) {
            let at = format!("{at}.resources.{field}[{resource}]");
            let amount = value.as_str().and_then(quantity::millis);
            match amount {
                None => causes.push(Cause::invalid(at, value, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")),
                Some(amount) if amount < 0 => causes.push(Cause::invalid(at, value, "must be greater than or equal to 0")),
                Some(amount) => {
                    let limit = container.pointer("/resources/limits").and_then(|limits| limits[resource].as_str());
                    let limit = limit.and_then(quantity::millis);
                    if field == "requests" && limit.is_some_and(|limit| amount > limit) {
                        causes.push(Cause::invalid(at, value, &format!("must be less than or equal to {resource} limit of {}", text(container, &format!("/resources/limits/{resource}")))));
                    }
                }
            }
            let known = ["cpu", "memory", "ephemeral-storage"].contains(&resource.as_str());
            if !known && !resource.contains('/') && !resource.starts_with("hugepages-") {
                causes.push(Cause::invalid(
                    format!("{field}[{resource}]"),
                    &resource.as_str().into(),
                    "must be a standard resource type or fully qualified",
                ));
            }
        }
    }
}

fn tolerations(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (index, one) in list(spec, "/tolerations").iter().enumerate() {
        let at = format!("{at}.tolerations[{index}]");
        let (operator, effect) = (text(one, "/operator"), text(one, "/effect"));
        if text(one, "/key").is_empty() && operator != "Exists" {
            causes.push(Cause::invalid(format!("{at}.operator"), &operator.into(), "operator must be Exists when `key` is empty, which means \"match all values and all keys\""));
        }
        if operator == "Exists" && !text(one, "/value").is_empty() {
            causes.push(Cause::invalid(
                format!("{at}.operator"),
                one,
                "value must be empty when `operator` is 'Exists'",
            ));
        }
        if !["", "Exists", "Equal"].contains(&operator) {
            causes.push(Cause::unsupported(
                format!("{at}.operator"),
                &operator.into(),
                &["Equal", "Exists"],
            ));
        }
        if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            causes.push(Cause::unsupported(
                format!("{at}.effect"),
                &effect.into(),
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            ));
        }
        if has(one, "/tolerationSeconds") && effect != "NoExecute" {
            causes.push(Cause::invalid(
                format!("{at}.effect"),
                &effect.into(),
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            ));
        }
    }
}

/// A pod's `spec` hardly changes.
pub(super) fn change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
        ] {
            json::remove(&mut spec, &[field]);
        }
        for field in ["containers", "initContainers"] {
            let all = spec.get_mut(field).and_then(Value::as_array_mut);
            all.into_iter()
                .flatten()
                .for_each(|container| json::remove(container, &["image"]));
        }
        spec
    };
    if fixed(old) != fixed(new) {
        causes.push(Cause::forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));
    }
}
