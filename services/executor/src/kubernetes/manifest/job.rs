//! The Job of an attempt: exactly one pod, never a second one.

use k8s_openapi::{
    api::{
        batch::v1::{
            Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern,
            PodFailurePolicyRule,
        },
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{Wanted, pod};

/// The Job. Its own deadline is the backstop for an attempt that never starts; the pod's deadline
/// is the run's timeout, which the kubelet keeps even when it is cut off. It has no TTL: that is set
/// once the result is stored.
pub(crate) fn job(wanted: &Wanted<'_>) -> Job {
    let spec = &wanted.task.spec;
    let latest = wanted.settings.config.start_within_s;
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(wanted.labels()),
            annotations: Some(wanted.annotations()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod::spec(wanted)),
    };
    Job {
        metadata: wanted.meta(wanted.name()),
        spec: Some(JobSpec {
            active_deadline_seconds: Some(seconds(spec.timeout_s.saturating_add(latest))),
            backoff_limit: Some(0),
            completions: Some(1),
            parallelism: Some(1),
            pod_failure_policy: Some(fail_on_disruption()),
            pod_replacement_policy: Some("Failed".to_owned()),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn fail_on_disruption() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyOnPodConditionsPattern {
        status: "True".to_owned(),
        type_: "DisruptionTarget".to_owned(),
    };
    PodFailurePolicy {
        rules: vec![PodFailurePolicyRule {
            action: "FailJob".to_owned(),
            on_exit_codes: None,
            on_pod_conditions: Some(vec![disrupted]),
        }],
    }
}

/// As Kubernetes counts: from 1, up to what 32 bits hold for pods.
pub(super) fn seconds(time: u64) -> i64 {
    i64::try_from(time)
        .unwrap_or(i64::MAX)
        .clamp(1, i64::from(i32::MAX))
}
