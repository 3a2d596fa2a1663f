//! Namespaces: what every one gets, and how one ends.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kubernetes::{
    delete::Deletion,
    json::{self, list, set, set_condition, text},
    kind::Kind,
    naming,
    state::State,
};

pub(super) fn reconcile(state: &mut State) {
    let all: Vec<Arc<Value>> = state.list(Kind::Namespace, "").cloned().collect();
    for namespace in all {
        if json::deleting(&namespace) {
            if !list(&namespace, "/spec/finalizers").is_empty() {
                terminate(state, &namespace);
            }
        } else {
            furnish(state, json::name(&namespace));
        }
    }
}

/// The service account and the ConfigMap that every namespace gets a moment after its creation.
fn furnish(state: &mut State, name: &str) {
    let furniture = [
        (Kind::ServiceAccount, "default", json!({})),
        (
            Kind::ConfigMap,
            "kube-root-ca.crt",
            json!({"data": {"ca.crt": ""}}),
        ),
    ];
    for (kind, called, mut object) in furniture {
        if state.get(kind, name, called).is_none() {
            object["apiVersion"] = "v1".into();
            object["kind"] = kind.info().name.into();
            object["metadata"] = json!({"name": called, "namespace": name, "uid": naming::uid(), "creationTimestamp": state.clock.text()});
            state.put(kind, object);
        }
    }
}

/// Deletes what is in it; the namespace is gone when nothing is left.
fn terminate(state: &mut State, namespace: &Value) {
    let name = json::name(namespace);
    let content: Vec<(Kind, Arc<Value>)> = Kind::ALL
        .into_iter()
        .filter(|kind| kind.info().namespaced)
        .flat_map(|kind| {
            state
                .list(kind, name)
                .map(move |object| (kind, Arc::clone(object)))
                .collect::<Vec<_>>()
        })
        .collect();
    for (kind, object) in content.iter().filter(|(_, object)| !json::deleting(object)) {
        // Preconditions are not given, so nothing can be refused.
        let _ = state.delete_object(*kind, object, &Deletion::background());
    }
    let left = Kind::ALL
        .into_iter()
        .filter(|kind| kind.info().namespaced)
        .any(|kind| state.list(kind, name).next().is_some());
    let mut new = namespace.clone();
    if left {
        let now = state.clock.text();
        let condition = json!({"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "Some resources are remaining"});
        if text(
            json::condition(namespace, "NamespaceContentRemaining").unwrap_or(&Value::Null),
            "/status",
        ) != "True"
        {
            set_condition(&mut new, condition, &now);
            state.put(Kind::Namespace, new);
        }
        return;
    }
    set(&mut new, &["spec"], json!({}));
    state.put(Kind::Namespace, new);
}
