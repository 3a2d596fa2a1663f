//! The pod of an attempt, as the restricted pod security standard wants it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, LocalObjectReference,
        PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile, SecurityContext,
        Toleration, Volume, VolumeMount,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use maestro_domain::{
    placement::{self as wish, Placement, PullPolicy, TaintEffect, TolerationOperator},
    run::Mode,
};

use super::{
    Wanted,
    environment::{HOME, INPUTS, OUTPUT, TMP, WORKSPACE, literal, variables},
    job::seconds,
    namespace::SERVICE_ACCOUNT,
    quantities,
};
use crate::kubernetes::{names, placement};

/// Folders the run can write, by volume.
const FOLDERS: [(&str, &str); 4] = [
    ("workspace", WORKSPACE),
    ("home", HOME),
    ("output", OUTPUT),
    ("tmp", TMP),
];
const INPUTS_VOLUME: &str = "inputs";

pub(super) fn spec(wanted: &Wanted<'_>) -> PodSpec {
    let settings = wanted.settings;
    let spec = &wanted.task.spec;
    let place = placement::merge(&spec.placement, &settings.config.placement);
    let own_namespace = spec.mode == Mode::FullEnv;
    PodSpec {
        active_deadline_seconds: Some(seconds(spec.timeout_s)),
        automount_service_account_token: Some(false),
        containers: vec![container(wanted, &place)],
        enable_service_links: Some(false),
        image_pull_secrets: pull_secrets(&place),
        node_selector: some(place.node_selector),
        restart_policy: Some("Never".to_owned()),
        security_context: Some(pod_security(settings.config.run_as_user)),
        service_account_name: own_namespace.then(|| SERVICE_ACCOUNT.to_owned()),
        termination_grace_period_seconds: Some(seconds(settings.term_grace_s)),
        tolerations: tolerations(&place.tolerations),
        volumes: Some(volumes(wanted)),
        ..PodSpec::default()
    }
}

fn container(wanted: &Wanted<'_>, place: &Placement) -> Container {
    let config = &wanted.settings.config;
    let spec = &wanted.task.spec;
    let policy = place.image_pull_policy.map(|policy| match policy {
        PullPolicy::Always => "Always",
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Never => "Never",
    });
    Container {
        name: names::CONTAINER.to_owned(),
        image: spec.image.clone().or_else(|| config.image.clone()),
        image_pull_policy: policy.map(str::to_owned),
        command: Some(spec.command.iter().map(|word| literal(word)).collect()),
        env: Some(variables(wanted)),
        resources: Some(ResourceRequirements {
            requests: quantities(&place.resources.requests),
            limits: quantities(&place.resources.limits),
            ..ResourceRequirements::default()
        }),
        security_context: Some(container_security(config.read_only_root_filesystem)),
        volume_mounts: Some(mounts()),
        working_dir: Some(WORKSPACE.to_owned()),
        ..Container::default()
    }
}

fn pod_security(user: i64) -> PodSecurityContext {
    PodSecurityContext {
        fs_group: Some(user),
        run_as_group: Some(user),
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        seccomp_profile: Some(SeccompProfile {
            localhost_profile: None,
            type_: "RuntimeDefault".to_owned(),
        }),
        ..PodSecurityContext::default()
    }
}

fn container_security(read_only: bool) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            add: None,
            drop: Some(vec!["ALL".to_owned()]),
        }),
        read_only_root_filesystem: Some(read_only),
        run_as_non_root: Some(true),
        ..SecurityContext::default()
    }
}

fn volumes(wanted: &Wanted<'_>) -> Vec<Volume> {
    let size = &wanted.settings.config.workspace_size;
    let folders = FOLDERS.map(|(name, _)| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: None,
            size_limit: Some(Quantity(size.clone())),
        }),
        ..Volume::default()
    });
    let inputs = Volume {
        name: INPUTS_VOLUME.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: names::inputs(&wanted.name()),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    folders.into_iter().chain([inputs]).collect()
}

fn mounts() -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only,
        ..VolumeMount::default()
    };
    let folders = FOLDERS.map(|(name, path)| mount(name, path, None));
    let inputs = mount(INPUTS_VOLUME, INPUTS, Some(true));
    folders.into_iter().chain([inputs]).collect()
}

fn tolerations(wishes: &[wish::Toleration]) -> Option<Vec<Toleration>> {
    let operator = |operator| match operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let effect = |effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    let all: Vec<_> = wishes
        .iter()
        .map(|wish| Toleration {
            key: wish.key.clone(),
            operator: wish.operator.map(operator).map(str::to_owned),
            value: wish.value.clone(),
            effect: wish.effect.map(effect).map(str::to_owned),
            toleration_seconds: None,
        })
        .collect();
    (!all.is_empty()).then_some(all)
}

fn pull_secrets(place: &Placement) -> Option<Vec<LocalObjectReference>> {
    let secrets = place.image_pull_secrets.iter();
    let all: Vec<_> = secrets
        .map(|name| LocalObjectReference { name: name.clone() })
        .collect();
    (!all.is_empty()).then_some(all)
}

fn some(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}
