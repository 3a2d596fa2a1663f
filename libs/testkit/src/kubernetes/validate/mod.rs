//! Validation, with the API server's words.

mod job;
mod metadata;
mod other;
mod pod;

use serde_json::Value;

use super::{kind::Kind, refusal::Cause, write::immutable};

/// What is wrong with an object.
pub(crate) fn object(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut causes = metadata::check(kind, object);
    match kind {
        Kind::Pod => pod::check(&object["spec"], "spec", &mut causes),
        Kind::Job => job::check(object, &mut causes),
        Kind::ConfigMap => other::config_map(object, &mut causes),
        Kind::Secret => other::secret(object, &mut causes),
        Kind::ResourceQuota => other::quota(object, &mut causes),
        Kind::LimitRange => other::limit_range(object, &mut causes),
        Kind::NetworkPolicy => other::network_policy(object, &mut causes),
        _ => {}
    }
    causes
}

/// What must not change from `old` to `new`.
pub(crate) fn change(kind: Kind, old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = metadata::change(old, new);
    match kind {
        Kind::Pod => pod::change(old, new, &mut causes),
        Kind::Job => job::change(old, new, &mut causes),
        Kind::ConfigMap | Kind::Secret => other::data_change(old, new, &mut causes),
        _ => {}
    }
    causes
}

/// Adds a cause for every field that changed.
fn unchanged(old: &Value, new: &Value, fields: &[&str], causes: &mut Vec<Cause>) {
    for field in fields {
        let pointer = format!("/{}", field.replace('.', "/"));
        let value = new.pointer(&pointer);
        if old.pointer(&pointer) != value {
            causes.push(immutable(field, value.unwrap_or(&Value::Null)));
        }
    }
}
