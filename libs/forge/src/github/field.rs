//! Typed access to a payload's fields. Absent and `null` are the same; a wrong type is an error.

use serde_json::Value;

use crate::error::ReduceError;

/// Longest name, label, branch or action, in bytes.
pub(super) const MAX_TEXT: usize = 1024;

fn present<'v>(payload: &'v Value, field: &str) -> Option<&'v Value> {
    payload.pointer(field).filter(|value| !value.is_null())
}

/// The text at a JSON pointer.
pub(super) fn text(payload: &Value, field: &'static str) -> Result<Option<String>, ReduceError> {
    present(payload, field)
        .map(|value| short(value, field))
        .transpose()
}

/// The number at a JSON pointer.
pub(super) fn number(payload: &Value, field: &'static str) -> Result<Option<u64>, ReduceError> {
    let expected = "a whole number";
    present(payload, field)
        .map(|value| value.as_u64().ok_or(ReduceError::Field { field, expected }))
        .transpose()
}

/// The array at a JSON pointer; empty where there is none.
pub(super) fn array<'v>(
    payload: &'v Value,
    field: &'static str,
) -> Result<&'v [Value], ReduceError> {
    match present(payload, field) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ReduceError::Field {
            field,
            expected: "an array",
        }),
    }
}

/// A text of at most [`MAX_TEXT`] bytes.
pub(super) fn short(value: &Value, field: &'static str) -> Result<String, ReduceError> {
    value
        .as_str()
        .filter(|text| text.len() <= MAX_TEXT)
        .map(ToOwned::to_owned)
        .ok_or(ReduceError::Field {
            field,
            expected: "a text of at most 1,024 bytes",
        })
}

/// A file's path.
pub(super) fn path(value: &Value) -> Result<&str, ReduceError> {
    value.as_str().ok_or(ReduceError::Field {
        field: "/commits",
        expected: "commits with paths",
    })
}

/// What must be there because something beside it is.
pub(super) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, ReduceError> {
    value.ok_or(ReduceError::Field {
        field,
        expected: "present",
    })
}
