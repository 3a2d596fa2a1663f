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
    /// milliseconds. Executors send six heartbeats in that time.
    pub lease_term_ms: u64,
    /// Commits between two snapshots.
    pub snapshot_every: u64,
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
            in_flight: 256,
            decode_ahead: 16,
        }
    }
}

impl Config {
    pub(crate) const fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    pub(crate) const fn lease_term(&self) -> Duration {
        Duration::from_millis(self.lease_term_ms)
    }

    pub(crate) const fn retry_delay(&self) -> Duration {
        Duration::from_millis(self.lease_ms / 10)
    }
}
