//! What was measured, as it is kept.

use serde::{Deserialize, Serialize};

use super::stats::median;

/// One run of the benchmarks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) ingest: Vec<Contest>,
    pub(crate) latency: Option<Latency>,
    pub(crate) idle: Option<Idle>,
    #[serde(default)]
    pub(crate) runs: Option<Runs>,
    #[serde(default)]
    pub(crate) rebuild: Option<Rebuild>,
}

impl Results {
    pub(crate) const fn on(machine: Machine) -> Self {
        Self {
            machine,
            ingest: Vec::new(),
            latency: None,
            idle: None,
            runs: None,
            rebuild: None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    /// Median of an fsync after 8 KiB, in microseconds.
    pub(crate) fsync_us: f64,
}

/// When the broker writes to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sync {
    /// Before every acknowledgement.
    Always,
    /// Every two minutes.
    Default,
}

/// Contestants that took turns on one broker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contest {
    pub(crate) sync: Sync,
    pub(crate) bytes: usize,
    pub(crate) parallel: usize,
    /// Raw publishes per second, by round.
    pub(crate) raw: Vec<f64>,
    pub(crate) receivers: Vec<Receiver>,
}

/// Something that takes webhooks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receiver {
    pub(crate) name: String,
    pub(crate) rounds: Vec<Round>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of the receiver per webhook, in microseconds.
    pub(crate) cpu_us: f64,
    /// That of the broker.
    pub(crate) broker_cpu_us: f64,
}

impl Receiver {
    /// Median of the rounds.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().map(of).collect::<Vec<_>>())
    }

    /// Median of the rounds' rates, each divided by that of the same round of `others`.
    pub(crate) fn ratio(&self, others: impl IntoIterator<Item = f64>) -> f64 {
        let pairs = self.rounds.iter().zip(others);
        let ratios: Vec<f64> = pairs.map(|(own, other)| own.per_second / other).collect();
        median(&ratios)
    }
}

/// From just before the request to the start of the process, in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) sync: Sync,
    pub(crate) rate: u64,
    pub(crate) webhooks: usize,
    pub(crate) started: Tail,
    /// To the answer of the request.
    pub(crate) answered: Tail,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tail {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Short runs on a full pool, and the same processes without Maestro.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) runs: u64,
    pub(crate) slots: usize,
    pub(crate) per_minute: f64,
    /// From the commit that leases the slot to the first instruction of the program.
    pub(crate) dispatched_to_started: Tail,
    pub(crate) bare_per_minute: f64,
    pub(crate) bare_spawned_to_started: Tail,
}

/// Every projection built from the log, beside the least that could be done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rebuild {
    pub(crate) commits: u64,
    pub(crate) rounds: Vec<RebuildRound>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RebuildRound {
    /// Seconds until readers saw the last projection's new rows.
    pub(crate) rebuilt_s: f64,
    /// Most memory of the rebuilding process, in MB.
    pub(crate) peak_mb: f64,
    /// Seconds to read the same log raw and copy the same rows into the same tables.
    pub(crate) bare_s: f64,
}

/// `maestro up` with nothing to do, without its children.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Idle {
    pub(crate) rss_mb: f64,
    pub(crate) pss_mb: f64,
    /// Processor time in a second, in milliseconds.
    pub(crate) cpu_ms_per_second: f64,
    /// `maestro --help`, median.
    pub(crate) help_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_compares_within_a_round() {
        let round = |per_second| Round {
            per_second,
            p50_ms: 0.0,
            p99_ms: 0.0,
            cpu_us: 0.0,
            broker_cpu_us: 0.0,
        };
        let receiver = Receiver {
            name: "x".to_owned(),
            rounds: [100.0, 10.0, 90.0].map(round).into(),
        };
        assert_eq!(receiver.median(|round| round.per_second), 90.0);
        assert_eq!(receiver.ratio([200.0, 20.0, 100.0]), 0.5);
    }
}
