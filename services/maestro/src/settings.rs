//! The configuration file and its environment variables (`MAESTRO__SECTION__KEY`).

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// Everything that can be set; see `docs/configuration.md` and `services/maestro/maestro.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) nats: Nats,
    pub(crate) database: Database,
    pub(crate) project: Project,
    pub(crate) ingress: maestro_ingress::Config,
    pub(crate) conductor: maestro_conductor::Config,
    pub(crate) executor: maestro_executor::Config,
    pub(crate) projector: maestro_projector::Config,
    pub(crate) gateway: maestro_gateway::Config,
}

/// The broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Nats {
    /// Empty: `maestro up` runs its own.
    pub(crate) url: Option<String>,
    /// First token of every subject.
    pub(crate) prefix: String,
    /// Replicas of every stream.
    pub(crate) replicas: usize,
    /// Private server: write every message to disk before it is acknowledged.
    pub(crate) sync_always: bool,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "maestro".to_owned(),
            replicas: 1,
            sync_always: true,
        }
    }
}

/// Postgres.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// Empty: `maestro up` runs its own.
    pub(crate) url: Option<String>,
}

/// The default project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Project {
    /// Its stack; the built-in one when empty.
    pub(crate) stack: Option<PathBuf>,
    /// Slots of its pool `default`.
    pub(crate) slots: u32,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            stack: None,
            slots: 8,
        }
    }
}

impl Settings {
    /// Reads the file, where one is given, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        maestro_runtime::config::load(file, "MAESTRO").context("the configuration is wrong")
    }

    pub(crate) fn event_log(&self, url: String) -> maestro_eventlog::Settings {
        let Nats {
            prefix, replicas, ..
        } = &self.nats;
        maestro_eventlog::Settings {
            url,
            prefix: prefix.clone(),
            replicas: *replicas,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented file, with the values that are only named switched on.
    fn documented() -> String {
        let text = include_str!("../../../docs/configuration.md");
        let (_, behind) = text
            .split_once("```toml\n")
            .expect("the document has a TOML block");
        let (block, _) = behind.split_once("```").expect("the block ends");
        block.to_owned()
    }

    #[test]
    fn the_documented_file_holds_the_defaults() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("maestro.toml");
        std::fs::write(&file, documented()).expect("written");
        let read = Settings::load(Some(&file)).expect("the documented file is accepted");
        assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_refused_with_their_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("maestro.toml");
        for (text, named) in [
            ("[project]\nslot = 3\n", "slot"),
            ("[conductor]\nlease_ms = \"soon\"\n", "lease_ms"),
            ("[nowhere]\n", "nowhere"),
        ] {
            std::fs::write(&file, text).expect("written");
            let error = format!("{:#}", Settings::load(Some(&file)).expect_err(text));
            assert!(error.contains(named), "{error}");
        }
    }
}
