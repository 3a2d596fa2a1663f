//! Configuration of the kubernetes backend.

use std::{collections::BTreeMap, path::PathBuf};

use maestro_domain::{Name, placement::Placement};
use serde::{Deserialize, Serialize};

use super::names::LONGEST_PREFIX;

/// Silence after which the conductor gives a slot up, beyond lease term and timeout: every Job
/// must have ended by its own deadline before.
const GIVEN_UP_AFTER_S: u64 = 30 * 60 + 120;
/// Left of it for what a deadline needs to take effect.
const MARGIN_S: u64 = 120;

/// Configuration of the kubernetes backend. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// `None`: `KUBECONFIG`, then `~/.kube/config`, then the service account of the pod it runs in.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; `None`: its current one.
    pub context: Option<String>,
    /// Tells deployments of Maestro in one cluster apart.
    pub instance: Name,
    /// First part of the names of Jobs and namespaces, up to 19 characters.
    pub prefix: Name,
    /// Which namespaces are watched and written.
    pub scope: Scope,
    /// Where `code-only` runs execute.
    pub namespace: Name,
    /// Create it when it is missing; with [`Scope::Namespace`] it has to be there.
    pub create_namespace: bool,
    /// Image of runs that name none.
    pub image: Option<String>,
    /// Resources, node selection, tolerations and pull settings where a run says nothing.
    pub placement: Placement,
    /// User and group that runs execute as; not 0.
    pub run_as_user: i64,
    /// Whether the image's own files cannot be written.
    pub read_only_root_filesystem: bool,
    /// Size of a run's workspace.
    pub workspace_size: String,
    /// Ends a run that no node takes for so long.
    pub unschedulable_after_s: u64,
    /// Ends a run whose image cannot be pulled for so long.
    pub image_pull_after_s: u64,
    /// Ends a run whose pod or container cannot be created for so long.
    pub launch_after_s: u64,
    /// Ends a run that has not started so long after its Job was created, for whatever reason.
    pub start_within_s: u64,
    /// How long a namespace that is being removed is waited for.
    pub namespace_within_s: u64,
    /// Longest life of one watch; a connection that died silently is noticed after it.
    pub watch_s: u32,
    /// What a `full-env` run gets in its namespace.
    pub full_env: FullEnv,
}

/// Which namespaces an executor works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All: needs the rights in `deploy/k8s/rbac/cluster.yaml`.
    #[default]
    Cluster,
    /// Only the shared one: needs the rights in `deploy/k8s/rbac/namespace.yaml`; `full-env` runs
    /// are refused.
    Namespace,
}

/// What the namespace of a `full-env` run allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FullEnv {
    /// `hard` of its ResourceQuota.
    pub quota: BTreeMap<String, String>,
    /// `defaultRequest` of its LimitRange, for containers.
    pub default_request: BTreeMap<String, String>,
    /// `default` (limits) of its LimitRange, for containers.
    pub default_limit: BTreeMap<String, String>,
    /// Where its pods may connect to, beside DNS; nothing else.
    pub egress: Vec<Egress>,
    /// Namespace of the cluster's DNS.
    pub dns_namespace: String,
    /// Labels of the cluster's DNS pods.
    pub dns_labels: BTreeMap<String, String>,
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Addresses, for example `0.0.0.0/0`.
    pub cidr: String,
    /// Addresses within that are not meant.
    #[serde(default)]
    pub except: Vec<String>,
    /// TCP ports; none: all ports and protocols.
    #[serde(default)]
    pub ports: Vec<u16>,
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("kubernetes.prefix is longer than {LONGEST_PREFIX} characters")]
    Prefix,
    #[error("kubernetes.run_as_user must be greater than 0")]
    Root,
    #[error("kubernetes.start_within_s and term_grace_s together must not exceed {0} seconds")]
    StartWithin(u64),
}

impl Kubernetes {
    /// Checks what types cannot express. `term_grace_s` is the executor's.
    pub(crate) fn check(&self, term_grace_s: u64) -> Result<(), ConfigError> {
        if self.prefix.as_str().len() > LONGEST_PREFIX {
            return Err(ConfigError::Prefix);
        }
        if self.run_as_user <= 0 {
            return Err(ConfigError::Root);
        }
        let longest = GIVEN_UP_AFTER_S - MARGIN_S;
        if self.start_within_s.saturating_add(term_grace_s) > longest {
            return Err(ConfigError::StartWithin(longest));
        }
        Ok(())
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        let name = |text: &str| text.parse().expect("a name");
        Self {
            kubeconfig: None,
            context: None,
            instance: name("maestro"),
            prefix: name("run"),
            scope: Scope::default(),
            namespace: name("maestro-runs"),
            create_namespace: true,
            image: None,
            placement: Placement::default(),
            run_as_user: 65532,
            read_only_root_filesystem: false,
            workspace_size: "10Gi".to_owned(),
            unschedulable_after_s: 300,
            image_pull_after_s: 300,
            launch_after_s: 60,
            start_within_s: 1500,
            namespace_within_s: 300,
            watch_s: 240,
            full_env: FullEnv::default(),
        }
    }
}

impl Default for FullEnv {
    fn default() -> Self {
        let map = |pairs: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        Self {
            quota: map(&[
                ("pods", "20"),
                ("requests.cpu", "16"),
                ("requests.memory", "64Gi"),
                ("requests.storage", "100Gi"),
                ("services.loadbalancers", "0"),
                ("services.nodeports", "0"),
            ]),
            default_request: map(&[("cpu", "100m"), ("memory", "128Mi")]),
            default_limit: BTreeMap::new(),
            egress: Vec::new(),
            dns_namespace: "kube-system".to_owned(),
            dns_labels: map(&[("k8s-app", "kube-dns")]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work() {
        assert_eq!(Kubernetes::default().check(10), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let config = |change: fn(&mut Kubernetes)| {
            let mut config = Kubernetes::default();
            change(&mut config);
            config.check(10)
        };
        let prefix = config(|config| config.prefix = "p".repeat(20).parse().unwrap());
        assert_eq!(prefix, Err(ConfigError::Prefix));
        assert_eq!(
            config(|config| config.run_as_user = 0),
            Err(ConfigError::Root)
        );
        let late = config(|config| config.start_within_s = 3600);
        assert_eq!(late, Err(ConfigError::StartWithin(1800)));
    }
}
