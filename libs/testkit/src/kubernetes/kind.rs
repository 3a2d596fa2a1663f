//! The kinds of objects that are served, and their strict decoding.

use k8s_openapi::api::{
    batch::v1::Job,
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Event, LimitRange, Namespace, Node, Pod, ResourceQuota, Secret, ServiceAccount,
    },
    networking::v1::NetworkPolicy,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Namespace,
    Node,
    ServiceAccount,
    LimitRange,
    ResourceQuota,
    NetworkPolicy,
    ConfigMap,
    Secret,
    Job,
    Pod,
    Event,
    Lease,
}

/// What is known of a kind.
pub(crate) struct Info {
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) name: &'static str,
    pub(crate) namespaced: bool,
    pub(crate) has_status: bool,
    recode: fn(&Value) -> Result<Value, String>,
}

macro_rules! info {
    ($type:ty, $group:literal, $plural:literal, $singular:literal, $namespaced:literal, $status:literal) => {
        Info {
            group: $group,
            plural: $plural,
            singular: $singular,
            name: stringify!($type),
            namespaced: $namespaced,
            has_status: $status,
            recode: recode::<$type>,
        }
    };
}

static NAMESPACE: Info = info!(Namespace, "", "namespaces", "namespace", false, true);
static NODE: Info = info!(Node, "", "nodes", "node", false, true);
static SERVICE_ACCOUNT: Info = info!(
    ServiceAccount,
    "", "serviceaccounts", "serviceaccount", true, false
);
static LIMIT_RANGE: Info = info!(LimitRange, "", "limitranges", "limitrange", true, false);
static RESOURCE_QUOTA: Info = info!(
    ResourceQuota,
    "", "resourcequotas", "resourcequota", true, true
);
static NETWORK_POLICY: Info = info!(
    NetworkPolicy,
    "networking.k8s.io", "networkpolicies", "networkpolicy", true, false
);
static CONFIG_MAP: Info = info!(ConfigMap, "", "configmaps", "configmap", true, false);
static SECRET: Info = info!(Secret, "", "secrets", "secret", true, false);
static JOB: Info = info!(Job, "batch", "jobs", "job", true, true);
static POD: Info = info!(Pod, "", "pods", "pod", true, true);
static EVENT: Info = info!(Event, "", "events", "event", true, false);
static LEASE: Info = info!(Lease, "coordination.k8s.io", "leases", "lease", true, false);

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Namespace,
        Self::Node,
        Self::ServiceAccount,
        Self::LimitRange,
        Self::ResourceQuota,
        Self::NetworkPolicy,
        Self::ConfigMap,
        Self::Secret,
        Self::Job,
        Self::Pod,
        Self::Event,
        Self::Lease,
    ];

    pub(crate) fn info(self) -> &'static Info {
        match self {
            Self::Namespace => &NAMESPACE,
            Self::Node => &NODE,
            Self::ServiceAccount => &SERVICE_ACCOUNT,
            Self::LimitRange => &LIMIT_RANGE,
            Self::ResourceQuota => &RESOURCE_QUOTA,
            Self::NetworkPolicy => &NETWORK_POLICY,
            Self::ConfigMap => &CONFIG_MAP,
            Self::Secret => &SECRET,
            Self::Job => &JOB,
            Self::Pod => &POD,
            Self::Event => &EVENT,
            Self::Lease => &LEASE,
        }
    }

    /// The kind a path speaks of.
    pub(crate) fn find(group: &str, plural: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.info().group == group && kind.info().plural == plural)
    }

    /// `v1` or `batch/v1`.
    pub(crate) fn api_version(self) -> String {
        match self.info().group {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// `pods` or `jobs.batch`, as messages name it.
    pub(crate) fn qualified(self) -> String {
        match self.info().group {
            "" => self.info().plural.to_owned(),
            group => format!("{}.{group}", self.info().plural),
        }
    }

    /// Decodes strictly: the types must fit, and no field may be unknown. An explicit `null` counts
    /// as absent, as in the real server.
    ///
    /// # Errors
    /// The decoder's words, or all unknown fields, as paths.
    pub(crate) fn check(self, object: &Value) -> Result<(), Undecodable> {
        let known = (self.info().recode)(object).map_err(Undecodable::Type)?;
        let mut unknown = Vec::new();
        compare(object, &known, "", &mut unknown);
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Undecodable::Unknown(unknown))
    }
}

/// Why a body is not an object of its kind.
pub(crate) enum Undecodable {
    Type(String),
    Unknown(Vec<String>),
}

/// As it comes out when nothing but the known fields is kept.
pub(crate) fn recode<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed = T::deserialize(object).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// Collects the paths that `known` lacks.
pub(crate) fn compare(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(known) => compare(value, known, &path, unknown),
                    None if path.starts_with("metadata.managedFields") => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (at, (given, known)) in given.iter().zip(known).enumerate() {
                compare(given, known, &format!("{path}[{at}]"), unknown);
            }
        }
        _ => {}
    }
}
