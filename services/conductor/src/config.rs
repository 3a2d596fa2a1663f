//! Settings of the conductor.

use std::time::Duration;

use serde::Deserialize;

/// Settings; each has a default that works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a silent leader keeps the lease, in milliseconds. A standby takes over after it.
    pub lease_ms: u64,
    /// How long nothing may be heard of an executor before its leases move to others, in
    /// milliseconds: 1,000 to 60,000. Executors send six heartbeats in that time.
    pub lease_term_ms: u64,
    /// Commits between two snapshots.
    pub snapshot_every: u64,
    /// Seconds between two signed checkpoints; none is written when nothing happened.
    pub checkpoint_every_s: u64,
    /// Commits on their way to the broker at once.
    pub in_flight: usize,
    /// Deliveries decoded ahead of the decision.
    pub decode_ahead: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lease_ms: 3_000,
            lease_term_ms: 30_000,
            snapshot_every: 10_000,
            checkpoint_every_s: 600,
            in_flight: 256,
            decode_ahead: 16,
        }
    }
}

/// The settings contradict what the rest relies on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("conductor.lease_term_ms is {0}; write 1000 to 60000")]
pub struct ConfigError(u64);

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// When a lease term is so short that a busy executor misses it, or longer than the time that
    /// a silent holder's executions are given to end.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if (1_000..=60_000).contains(&self.lease_term_ms) {
            Ok(())
        } else {
            Err(ConfigError(self.lease_term_ms))
        }
    }

    pub(crate) const fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    pub(crate) const fn lease_term(&self) -> Duration {
        Duration::from_millis(self.lease_term_ms)
    }

    pub(crate) fn checkpoint_every(&self) -> Duration {
        Duration::from_secs(self.checkpoint_every_s.max(1))
    }

    pub(crate) const fn retry_delay(&self) -> Duration {
        Duration::from_millis(self.lease_ms / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_term_is_neither_too_short_nor_too_long() {
        assert_eq!(Config::default().validate(), Ok(()));
        for lease_term_ms in [0, 999, 60_001] {
            let config = Config {
                lease_term_ms,
                ..Config::default()
            };
            assert_eq!(config.validate(), Err(ConfigError(lease_term_ms)));
        }
    }
}
