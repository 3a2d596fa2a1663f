//! The namespace of a `full-env` run and what keeps the run within it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::{
            LimitRange, LimitRangeItem, LimitRangeSpec, Namespace, ResourceQuota,
            ResourceQuotaSpec, ServiceAccount,
        },
        networking::v1::{
            IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
            NetworkPolicySpec,
        },
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};

use super::quantities;
use crate::kubernetes::config::{Egress, FullEnv};

/// Name of everything of ours within the namespace.
pub(crate) const OURS: &str = "maestro";
/// The account of the run's pods. It has no token and no rights.
pub(crate) const SERVICE_ACCOUNT: &str = "run";
const DNS: i32 = 53;

/// The namespace itself, under restricted pod security.
pub(crate) fn namespace(name: &str, mut labels: BTreeMap<String, String>) -> Namespace {
    for what in ["enforce", "audit", "warn"] {
        let key = format!("pod-security.kubernetes.io/{what}");
        labels.insert(key, "restricted".to_owned());
    }
    Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

/// What the run may use of the cluster.
pub(crate) fn quota(meta: ObjectMeta, config: &FullEnv) -> ResourceQuota {
    ResourceQuota {
        metadata: meta,
        spec: Some(ResourceQuotaSpec {
            hard: quantities(&config.quota),
            ..ResourceQuotaSpec::default()
        }),
        status: None,
    }
}

/// What a container gets that does not say.
pub(crate) fn limit_range(meta: ObjectMeta, config: &FullEnv) -> LimitRange {
    let item = LimitRangeItem {
        type_: "Container".to_owned(),
        default: quantities(&config.default_limit),
        default_request: quantities(&config.default_request),
        ..LimitRangeItem::default()
    };
    LimitRange {
        metadata: meta,
        spec: Some(LimitRangeSpec { limits: vec![item] }),
    }
}

/// Nothing in; out only to DNS and where the configuration allows.
pub(crate) fn network_policy(meta: ObjectMeta, config: &FullEnv) -> NetworkPolicy {
    let allowed = config.egress.iter().map(egress);
    NetworkPolicy {
        metadata: meta,
        spec: Some(NetworkPolicySpec {
            egress: Some([dns(config)].into_iter().chain(allowed).collect()),
            ingress: None,
            pod_selector: Some(LabelSelector::default()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        }),
    }
}

/// The account of the run's pods.
pub(crate) fn service_account(meta: ObjectMeta) -> ServiceAccount {
    ServiceAccount {
        metadata: meta,
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

fn dns(config: &FullEnv) -> NetworkPolicyEgressRule {
    let namespace = BTreeMap::from([(
        "kubernetes.io/metadata.name".to_owned(),
        config.dns_namespace.clone(),
    )]);
    let selector = |labels| LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    };
    NetworkPolicyEgressRule {
        ports: Some(["UDP", "TCP"].map(|protocol| port(DNS, protocol)).to_vec()),
        to: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(selector(namespace)),
            pod_selector: Some(selector(config.dns_labels.clone())),
            ..NetworkPolicyPeer::default()
        }]),
    }
}

fn egress(allowed: &Egress) -> NetworkPolicyEgressRule {
    let ports: Vec<_> = allowed
        .ports
        .iter()
        .map(|number| port(i32::from(*number), "TCP"))
        .collect();
    let block = IPBlock {
        cidr: allowed.cidr.clone(),
        except: (!allowed.except.is_empty()).then(|| allowed.except.clone()),
    };
    NetworkPolicyEgressRule {
        ports: (!ports.is_empty()).then_some(ports),
        to: Some(vec![NetworkPolicyPeer {
            ip_block: Some(block),
            ..NetworkPolicyPeer::default()
        }]),
    }
}

fn port(number: i32, protocol: &str) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.to_owned()),
        ..NetworkPolicyPort::default()
    }
}
