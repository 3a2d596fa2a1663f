//! Reading and changing JSON objects.

use serde_json::{Map, Value};

/// The text at a pointer; empty without one.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The integer at a pointer.
pub(crate) fn int(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// Whether `true` stands at a pointer.
pub(crate) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The list at a pointer; empty without one.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The entries of the object at a pointer.
pub(crate) fn entries<'a>(
    value: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// Whether something other than `null` stands at a pointer.
pub(crate) fn has(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).is_some_and(|found| !found.is_null())
}

/// Writes at a path of keys, making objects on the way.
pub(crate) fn set(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    let Some((key, rest)) = path.split_first() else {
        *value = new.into();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let entry = value.as_object_mut().expect("made above");
    set(entry.entry(*key).or_insert(Value::Null), rest, new);
}

/// Writes where nothing stands yet.
pub(crate) fn set_default(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    let pointer: String = path.iter().flat_map(|key| ["/", *key]).collect();
    if !has(value, &pointer) {
        set(value, path, new);
    }
}

/// Removes the last key of a path.
pub(crate) fn remove(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let parent = parents
        .iter()
        .try_fold(value, |at, key| at.get_mut(*key))
        .and_then(Value::as_object_mut);
    if let Some(parent) = parent {
        parent.remove(*last);
    }
}

/// Removes what is `null`, in objects at any depth.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, entry| !entry.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The namespace of an object.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// The uid of an object.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether an object is being deleted.
pub(crate) fn deleting(object: &Value) -> bool {
    has(object, "/metadata/deletionTimestamp")
}

/// Whether an object has a finalizer.
pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers")
        .iter()
        .any(|found| found == finalizer)
}

/// Takes a finalizer away.
pub(crate) fn remove_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(Value::Array(finalizers)) = object.pointer_mut("/metadata/finalizers") {
        finalizers.retain(|found| found != finalizer);
        if finalizers.is_empty() {
            remove(object, &["metadata", "finalizers"]);
        }
    }
}

/// Puts a finalizer on.
pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !has_finalizer(object, finalizer) {
        let mut all = list(object, "/metadata/finalizers").to_vec();
        all.push(finalizer.into());
        set(object, &["metadata", "finalizers"], all);
    }
}

/// The condition of a type in `status.conditions`.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether a condition is true.
pub(crate) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|found| found["status"] == "True")
}

/// Sets a condition; its transition time only moves with its status.
pub(crate) fn set_condition(object: &mut Value, mut new: Value, now: &str) {
    let mut all = list(object, "/status/conditions").to_vec();
    let at = all.iter().position(|found| found["type"] == new["type"]);
    let since = at
        .filter(|at| all[*at]["status"] == new["status"])
        .map(|at| all[at]["lastTransitionTime"].clone());
    new["lastTransitionTime"] = since.unwrap_or_else(|| now.into());
    match at {
        Some(at) => all[at] = new,
        None => all.push(new),
    }
    set(object, &["status", "conditions"], all);
}
