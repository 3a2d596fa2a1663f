//! Between the domain's types and what columns hold.

use maestro_domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::{ApplyError, Error};

/// Text of an enum as the domain's JSON writes it.
pub(crate) fn text<T: Serialize>(value: &T) -> Result<String, ApplyError> {
    Ok(match serde_json::to_value(value)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// Reads what [`text`] wrote.
pub(crate) fn read<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: String,
) -> Result<T, Error> {
    serde_json::from_value(Value::String(text.clone())).map_err(|_| Error::Corrupt {
        table,
        column,
        value: text,
    })
}

/// Reads a column of JSON.
pub(crate) fn read_json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    value: Value,
) -> Result<T, Error> {
    serde_json::from_value(value.clone()).map_err(|_| Error::Corrupt {
        table,
        column,
        value: value.to_string(),
    })
}

/// A time as Postgres holds it.
pub(crate) fn to_time(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()) * 1_000_000)
        .expect("a timestamp lies within the years 0 to 9999")
}

/// A time as the domain holds it, cut to milliseconds.
pub(crate) fn from_time(at: OffsetDateTime) -> Timestamp {
    let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// One column of many rows, as an array for `unnest`.
pub(crate) fn column<R, T>(rows: impl IntoIterator<Item = R>, value: impl FnMut(R) -> T) -> Vec<T> {
    rows.into_iter().map(value).collect()
}

/// The trace id of a W3C `traceparent`: its second field, 32 hex digits, not all zero.
pub(crate) fn trace_id(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    let is_id = id.len() == 32
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && id.bytes().any(|b| b != b'0');
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use maestro_domain::run::Status;

    use super::*;

    #[test]
    fn enums_survive_text_and_unknown_ones_are_named() {
        let text = text(&Status::Dispatched).unwrap();
        assert_eq!(text, "dispatched");
        assert_eq!(
            read::<Status>("runs", "status", text).unwrap(),
            Status::Dispatched
        );
        let error = read::<Status>("runs", "status", "asleep".to_owned()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "table runs holds an unknown status: \"asleep\""
        );
    }

    #[test]
    fn times_keep_their_milliseconds_also_before_1970() {
        for millis in [i64::MIN, -1, 0, 1, 1_795_176_000_123, i64::MAX] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(from_time(to_time(at)), at);
        }
    }

    #[test]
    fn only_a_real_trace_id_is_taken() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            trace_id(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(),
            Some(id)
        );
        for bad in [
            "",
            "00",
            "00-xyz-1-1",
            "00-00000000000000000000000000000000-1-01",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
