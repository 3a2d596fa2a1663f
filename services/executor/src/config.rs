//! Configuration.

use std::{path::PathBuf, time::Duration};

use maestro_domain::Name;
use serde::{Deserialize, Serialize};

use crate::grpc::GrpcConfig;
pub use crate::kubernetes::config::{Egress, FullEnv, Kubernetes, Scope};

/// Configuration of the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of its identity and its attempts. One executor at a time uses it; a second one on
    /// the same folder waits as standby.
    pub data: PathBuf,
    /// Pools it serves.
    pub pools: Vec<Name>,
    /// What executes runs.
    pub backend: BackendKind,
    /// Program of the process shim, called as `SHIM process-shim --dir DIR`. `None`: this program.
    pub shim: Option<PathBuf>,
    /// Attempts created at the same time; further ones wait.
    pub max_parallel_starts: usize,
    /// Seconds between TERM and KILL when a run is ended.
    pub term_grace_s: u64,
    /// Bytes of output kept per attempt.
    pub log_cap: u64,
    /// Seconds the folder of an attempt is kept after its result is stored.
    pub retention_s: u64,
    /// What becomes of runs when the executor stops.
    pub on_stop: OnStop,
    /// Listener for other services and operators; none when left out.
    pub grpc: Option<GrpcConfig>,
    /// The kubernetes backend.
    pub kubernetes: Kubernetes,
}

/// What becomes of runs when the executor stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStop {
    /// They go on; the next executor on the data folder adopts them.
    #[default]
    Leave,
    /// They are ended; the next executor tries them again.
    End,
}

/// The backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// Child processes on this machine.
    #[default]
    Process,
    /// Jobs in a Kubernetes cluster.
    Kubernetes,
}

impl Config {
    /// Time between TERM and KILL.
    #[must_use]
    pub const fn term_grace(&self) -> Duration {
        Duration::from_secs(self.term_grace_s)
    }
    /// How long an attempt's folder outlives its result.
    #[must_use]
    pub const fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_s)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("executor"),
            pools: vec!["default".parse().expect("a name")],
            backend: BackendKind::default(),
            shim: None,
            max_parallel_starts: 16,
            term_grace_s: 10,
            log_cap: 64 * 1024 * 1024,
            retention_s: 24 * 60 * 60,
            on_stop: OnStop::default(),
            grpc: None,
            kubernetes: Kubernetes::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_required_and_nothing_unknown_accepted() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        assert!(serde_json::from_str::<Config>(r#"{"pool":["default"]}"#).is_err());
    }
}
