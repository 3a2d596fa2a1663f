//! Names, labels, annotations, owners, finalizers.

use serde_json::Value;

use crate::kubernetes::{
    json::{self, entries, list, text},
    kind::Kind,
    naming,
    refusal::Cause,
};

const ANNOTATIONS: usize = 256 * 1024;

pub(super) fn check(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = json::name(object);
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        let rule = if kind == Kind::Namespace {
            naming::label
        } else {
            naming::subdomain
        };
        if let Err(why) = rule(name) {
            causes.push(Cause::invalid("metadata.name", &name.into(), &why));
        }
    }
    labels(
        &object["metadata"]["labels"],
        "metadata.labels",
        &mut causes,
    );
    annotations(object, &mut causes);
    for (at, finalizer) in list(object, "/metadata/finalizers").iter().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        let standard = ["orphan", "foregroundDeletion"].contains(&text);
        if naming::qualified(text).is_err() || (!text.contains('/') && !standard) {
            causes.push(Cause::invalid(
                format!("metadata.finalizers[{at}]"),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    owners(object, &mut causes);
    causes
}

pub(super) fn change(old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if json::deleting(old) {
        for finalizer in list(new, "/metadata/finalizers") {
            if !json::has_finalizer(old, finalizer.as_str().unwrap_or_default()) {
                causes.push(Cause::forbidden("metadata.finalizers", &format!("no new finalizers can be added if the object is being deleted, found new finalizers []string{{{finalizer}}}")));
            }
        }
    }
    causes
}

/// Keys and values of labels.
pub(super) fn labels(labels: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (key, value) in entries(labels, "") {
        if let Err(why) = naming::qualified(key) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &why));
        }
        if let Err(why) = naming::label_value(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(field, value, &why));
        }
    }
}

fn annotations(object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, value) in entries(object, "/metadata/annotations") {
        size += key.len() + value.as_str().unwrap_or_default().len();
        if let Err(why) = naming::qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid(
                "metadata.annotations",
                &key.as_str().into(),
                &why,
            ));
        }
    }
    if size > ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS));
    }
}

fn owners(object: &Value, causes: &mut Vec<Cause>) {
    let mut controllers = 0;
    for (at, owner) in list(object, "/metadata/ownerReferences").iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                causes.push(Cause::invalid(
                    format!("metadata.ownerReferences[{at}].{field}"),
                    &owner[field],
                    "must not be empty",
                ));
            }
        }
        controllers += usize::from(json::flag(owner, "/controller"));
    }
    if controllers > 1 {
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            &object["metadata"]["ownerReferences"],
            "Only one reference can have Controller set to true",
        ));
    }
}
