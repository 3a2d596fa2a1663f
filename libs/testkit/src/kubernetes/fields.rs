//! Sets of fields, as `managedFields` speaks of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The way to a leaf: `f:name`, `k:{"name":"x"}`, `v:"x"`.
pub(crate) type Path = Vec<String>;

/// What no manager owns.
const SYSTEM: [&str; 11] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "generateName",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Fields that are owned as a whole though they are objects.
const ATOMIC: [&str; 4] = ["nodeSelector", "selector", "podSelector", "matchLabels"];

/// How the items of a list are told apart: by the keys; by their value when there are none.
fn keys_of(list: &str) -> Option<&'static [&'static str]> {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" | "secrets" => {
            Some(&["name"])
        }
        "ports" => Some(&["containerPort", "protocol"]),
        "volumeMounts" => Some(&["mountPath"]),
        "conditions" => Some(&["type"]),
        "ownerReferences" => Some(&["uid"]),
        "finalizers" => Some(&[]),
        _ => None,
    }
}

/// The fields of an object that somebody can own.
pub(crate) fn leaves(object: &Value) -> BTreeSet<Path> {
    let mut all = BTreeSet::new();
    for (key, value) in super::json::entries(object, "") {
        if ["apiVersion", "kind"].contains(&key.as_str()) {
            continue;
        }
        if key == "metadata" {
            for (key, value) in super::json::entries(value, "") {
                if !SYSTEM.contains(&key.as_str()) {
                    collect(
                        value,
                        key,
                        vec!["f:metadata".into(), format!("f:{key}")],
                        &mut all,
                    );
                }
            }
        } else {
            collect(value, key, vec![format!("f:{key}")], &mut all);
        }
    }
    all
}

fn collect(value: &Value, field: &str, path: Path, all: &mut BTreeSet<Path>) {
    match (value, keys_of(field)) {
        (Value::Object(object), _) if !object.is_empty() && !ATOMIC.contains(&field) => {
            for (key, value) in object {
                let mut path = path.clone();
                path.push(format!("f:{key}"));
                collect(value, key, path, all);
            }
        }
        (Value::Array(items), Some(keys)) if !items.is_empty() => {
            for item in items {
                let mut path = path.clone();
                path.push(item_key(item, keys));
                if item.is_object() {
                    collect(item, "", path, all);
                } else {
                    all.insert(path);
                }
            }
        }
        _ => {
            all.insert(path);
        }
    }
}

fn item_key(item: &Value, keys: &[&str]) -> String {
    if keys.is_empty() {
        return format!("v:{item}");
    }
    let found: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let default = if *key == "protocol" {
                "TCP".into()
            } else {
                Value::Null
            };
            (
                (*key).to_owned(),
                item.get(*key).cloned().unwrap_or(default),
            )
        })
        .collect();
    format!("k:{}", Value::Object(found))
}

/// What stands at a path.
pub(crate) fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    let mut field = "";
    path.iter().try_fold(object, |value, step| {
        if let Some(name) = step.strip_prefix("f:") {
            field = name;
            return value.get(name);
        }
        let keys = keys_of(field)?;
        value
            .as_array()?
            .iter()
            .find(|item| item_key(item, keys) == *step)
    })
}

/// Removes what stands at a path, and what is empty then.
pub(crate) fn remove(object: &mut Value, path: &[String]) {
    fn walk(value: &mut Value, field: &str, path: &[String]) {
        let Some((step, rest)) = path.split_first() else {
            return;
        };
        if let (Some(name), Some(object)) = (step.strip_prefix("f:"), value.as_object_mut()) {
            if let Some(inner) = object.get_mut(name) {
                walk(inner, name, rest);
                let emptied = !rest.is_empty() && is_empty(inner);
                if rest.is_empty() || emptied {
                    object.remove(name);
                }
            }
        } else if let (Some(keys), Some(items)) = (keys_of(field), value.as_array_mut()) {
            for item in items
                .iter_mut()
                .filter(|item| item_key(item, keys) == *step)
            {
                walk(item, "", rest);
            }
            let gone = |item: &Value| {
                (rest.is_empty() && item_key(item, keys) == *step)
                    || (item.is_object() && is_empty(item))
            };
            items.retain(|item| !gone(item));
        }
    }
    walk(object, "", path);
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Lays `applied` over `live`.
pub(crate) fn merge(live: &mut Value, applied: &Value, field: &str) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !ATOMIC.contains(&field) => {
            for (key, value) in applied {
                match live.get_mut(key) {
                    Some(found) => merge(found, value, key),
                    None => {
                        live.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(applied)) if keys_of(field).is_some() => {
            let keys = keys_of(field).unwrap_or(&[]);
            for item in applied {
                let wanted = item_key(item, keys);
                match live
                    .iter_mut()
                    .find(|found| item_key(found, keys) == wanted)
                {
                    Some(found) => merge(found, item, ""),
                    None => live.push(item.clone()),
                }
            }
        }
        (live, applied) => *live = applied.clone(),
    }
}

/// As `fieldsV1`.
pub(crate) fn encode(paths: &BTreeSet<Path>) -> Value {
    let mut all = json!({});
    for path in paths {
        let mut at = &mut all;
        for step in path {
            at = &mut at[step.as_str()];
            if at.is_null() {
                *at = if step.starts_with("k:") {
                    json!({".": {}})
                } else {
                    json!({})
                };
            }
        }
    }
    all
}

/// From `fieldsV1`.
pub(crate) fn decode(fields: &Value) -> BTreeSet<Path> {
    fn walk(fields: &Value, path: &Path, all: &mut BTreeSet<Path>) {
        let inner: Vec<_> = super::json::entries(fields, "")
            .filter(|(key, _)| *key != ".")
            .collect();
        if inner.is_empty() && !path.is_empty() {
            all.insert(path.clone());
        }
        for (key, value) in inner {
            let mut path = path.clone();
            path.push(key.clone());
            walk(value, &path, all);
        }
    }
    let mut all = BTreeSet::new();
    walk(fields, &Path::new(), &mut all);
    all
}

/// As messages name a path: `.spec.containers[name="x"].image`.
pub(crate) fn display(path: &[String]) -> String {
    path.iter()
        .map(|step| match step.split_at(2) {
            ("f:", name) => format!(".{name}"),
            ("k:", keys) => {
                let keys: Value = serde_json::from_str(keys).unwrap_or_default();
                let all: Vec<_> = super::json::entries(&keys, "")
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                format!("[{}]", all.join(","))
            }
            (_, value) => format!("[={value}]"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_to_fields_and_back() {
        let object = json!({"metadata": {"name": "x", "labels": {"a": "b"}, "finalizers": ["f/f"]},
            "spec": {"containers": [{"name": "c", "image": "i", "command": ["a"]}]}});
        let all = leaves(&object);
        assert_eq!(decode(&encode(&all)), all);
        assert!(all.iter().all(|path| at(&object, path).is_some()));
        let shown: Vec<_> = all.iter().map(|path| display(path)).collect();
        assert!(
            shown.contains(&".spec.containers[name=\"c\"].image".to_owned()),
            "{shown:?}"
        );
        let mut emptied = object.clone();
        all.iter().for_each(|path| remove(&mut emptied, path));
        assert_eq!(emptied, json!({"metadata": {"name": "x"}}));
    }
}
