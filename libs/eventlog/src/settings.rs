//! Where the broker is and how this deployment's streams are named.

use serde::Deserialize;

/// Connection and naming.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `nats://user:password@host:port`; several, separated by commas, for a cluster.
    pub url: String,
    /// First token of every subject: 1 to 32 of `a-z 0-9 - _`. Two deployments share a broker
    /// under two prefixes.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Copies of every stream: 1 on a single server, 3 on a cluster.
    #[serde(default = "default_replicas")]
    pub replicas: usize,
}

/// Prefix whose streams carry their plain names.
pub(crate) const DEFAULT_PREFIX: &str = "maestro";

fn default_prefix() -> String {
    DEFAULT_PREFIX.to_owned()
}

const fn default_replicas() -> usize {
    1
}

impl Settings {
    /// One server, the default prefix, one copy of everything.
    #[must_use]
    pub fn single(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: default_prefix(),
            replicas: default_replicas(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("prefix", &self.prefix)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
