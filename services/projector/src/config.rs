//! Settings of the projector.

use std::time::Duration;

use serde::Deserialize;

/// Settings of the projector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds after which a projection that stopped is tried again at the same commit.
    pub retry_stopped_s: u64,
    /// Seconds between two measurements of how far the projections are behind.
    pub measure_every_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retry_stopped_s: 60,
            measure_every_s: 5,
        }
    }
}

impl Config {
    pub(crate) fn retry_stopped(&self) -> Duration {
        Duration::from_secs(self.retry_stopped_s.max(1))
    }

    pub(crate) fn measure_every(&self) -> Duration {
        Duration::from_secs(self.measure_every_s.max(1))
    }
}
