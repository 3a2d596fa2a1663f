//! Reads events of every version ever written as the events of today.

use serde_json::{Value, json};

use crate::event::Event;

/// An event that no version of the code wrote.
#[derive(Debug, thiserror::Error)]
pub enum UpcastError {
    /// Written by a newer build.
    #[error("event {kind} version {version} is newer than this build knows")]
    TooNew {
        /// Event type.
        kind: String,
        /// Its version.
        version: u16,
    },
    /// Type or data are unknown.
    #[error("event {kind} version {version} cannot be read")]
    Malformed {
        /// Event type.
        kind: String,
        /// Its version.
        version: u16,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// Reads one event. Upcasters for older versions are applied one after the other.
///
/// # Errors
/// When the type is unknown, the version newer than today's, or the data do not fit.
pub fn event(kind: &str, version: u16, data: Value) -> Result<Event, UpcastError> {
    let event: Event =
        serde_json::from_value(json!({"type": kind, "data": data})).map_err(|source| {
            UpcastError::Malformed {
                kind: kind.to_owned(),
                version,
                source,
            }
        })?;
    if version > event.version() {
        return Err(UpcastError::TooNew {
            kind: kind.to_owned(),
            version,
        });
    }
    Ok(event)
}
