//! What an operator can set.

use std::{net::SocketAddr, time::Duration};

use serde::Deserialize;

const MIB: usize = 1024 * 1024;

/// Settings of the webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address that [`crate::run`] listens on.
    pub listen: SocketAddr,
    /// Largest accepted body in bytes. GitHub sends at most 25 MB.
    pub body_limit: usize,
    /// Most bytes of bodies held in memory at once.
    pub in_flight_bytes: usize,
    /// How long a request waits for memory, in milliseconds.
    pub memory_wait_ms: u64,
    /// How long a sender may take for a body, in milliseconds. GitHub gives up after 10 s.
    pub body_timeout_ms: u64,
    /// How long the broker may take to acknowledge, in milliseconds.
    pub ack_timeout_ms: u64,
    /// Failed verifications per peer and minute that are answered 401; further ones get 429.
    pub failed_verifications_per_minute: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            body_limit: 25 * MIB,
            in_flight_bytes: 256 * MIB,
            memory_wait_ms: 5_000,
            body_timeout_ms: 10_000,
            ack_timeout_ms: 5_500,
            failed_verifications_per_minute: 300,
        }
    }
}

/// Settings that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in_flight_bytes must be at least twice body_limit and below 4 GiB")]
pub struct ConfigError;

impl Config {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// When a body within the limit could never be held.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fits = self.in_flight_bytes / 2 >= self.body_limit
            && u32::try_from(self.in_flight_bytes).is_ok();
        if fits { Ok(()) } else { Err(ConfigError) }
    }

    pub(crate) const fn memory_wait(&self) -> Duration {
        Duration::from_millis(self.memory_wait_ms)
    }

    pub(crate) const fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) const fn ack_timeout(&self) -> Duration {
        Duration::from_millis(self.ack_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_unknown_settings_are_not() {
        assert_eq!(Config::default().validate(), Ok(()));
        let read: Config = serde_json::from_str(r#"{"body_limit": 1024}"#).unwrap();
        assert_eq!(read.body_limit, 1024);
        assert!(serde_json::from_str::<Config>(r#"{"body_limitt": 1}"#).is_err());
    }

    #[test]
    fn a_limit_that_memory_cannot_hold_is_refused() {
        let config = Config {
            in_flight_bytes: 30 * MIB,
            ..Config::default()
        };
        assert_eq!(config.validate(), Err(ConfigError));
    }
}
