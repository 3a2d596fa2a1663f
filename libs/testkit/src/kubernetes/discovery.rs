//! Which groups and resources there are.

use serde_json::{Value, json};

use super::kind::{Info, Kind};

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Answers the paths that are no resources; `None` for other paths.
pub(crate) fn answer(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["version"] => Some(json!({
            "major": "1", "minor": "33", "gitVersion": "v1.33.0-fake", "gitCommit": "0", "gitTreeState": "clean",
            "buildDate": "2025-04-23T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
        })),
        ["api"] => Some(
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ),
        ["apis"] => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups()})),
        ["api", "v1"] => Some(resources("", "v1")),
        ["apis", group] => groups()
            .into_iter()
            .find(|found| found["name"] == *group)
            .map(|mut found| {
                found["kind"] = "APIGroup".into();
                found["apiVersion"] = "v1".into();
                found
            }),
        ["apis", "authorization.k8s.io", "v1"] => Some(json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "authorization.k8s.io/v1",
            "resources": [{"name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false, "kind": "SelfSubjectAccessReview", "verbs": ["create"]}],
        })),
        ["apis", group, "v1"] if kinds(group).next().is_some() => {
            Some(resources(group, &format!("{group}/v1")))
        }
        _ => None,
    }
}

fn kinds(group: &str) -> impl Iterator<Item = &'static Info> {
    let group = group.to_owned();
    Kind::ALL
        .into_iter()
        .map(Kind::info)
        .filter(move |info| info.group == group)
}

fn groups() -> Vec<Value> {
    let mut names: Vec<&str> = Kind::ALL
        .into_iter()
        .map(|kind| kind.info().group)
        .filter(|group| !group.is_empty())
        .collect();
    names.push("authorization.k8s.io");
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
            json!({"name": name, "versions": [version.clone()], "preferredVersion": version})
        })
        .collect()
}

fn resources(group: &str, version: &str) -> Value {
    let mut all = Vec::new();
    for info in kinds(group) {
        let entry = |name: String, verbs: &[&str]| json!({"name": name, "singularName": info.singular, "namespaced": info.namespaced, "kind": info.name, "verbs": verbs});
        all.push(entry(info.plural.to_owned(), &VERBS));
        if info.has_status {
            all.push(entry(
                format!("{}/status", info.plural),
                &["get", "patch", "update"],
            ));
        }
        if info.name == "Pod" {
            all.push(entry("pods/log".to_owned(), &["get"]));
        }
    }
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": all})
}
