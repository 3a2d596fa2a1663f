//! Names, labels and annotations of everything the backend creates.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use maestro_domain::{Name, RunId, report::Execution};
use uuid::Uuid;

/// Label: which program made it.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`], and the field manager of every write.
pub(crate) const MANAGER: &str = "maestro";
/// Label: which deployment of Maestro made it.
pub(crate) const INSTANCE: &str = "maestro.dev/instance";
/// Label: the run.
pub(crate) const RUN: &str = "maestro.dev/run";
/// Label: the attempt, from 1.
pub(crate) const ATTEMPT: &str = "maestro.dev/attempt";
/// Label: slug of the project.
pub(crate) const PROJECT: &str = "maestro.dev/project";
/// Label: the pool.
pub(crate) const POOL: &str = "maestro.dev/pool";
/// Annotation: fencing token of the lease that owns the Job now.
pub(crate) const TOKEN: &str = "maestro.dev/token";
/// Annotation: the delivery that caused the run.
pub(crate) const CORRELATION: &str = "maestro.dev/correlation-id";
/// Annotation: W3C trace context of the run.
pub(crate) const TRACEPARENT: &str = "maestro.dev/traceparent";
/// Annotation: the executor that created or adopted the Job.
pub(crate) const EXECUTOR: &str = "maestro.dev/executor";
/// Annotation: keyed digest of the run's specification.
pub(crate) const SPEC: &str = "maestro.dev/spec-digest";
/// Annotation: why Maestro is ending the attempt, see [`super::ending::Ending`].
pub(crate) const ENDING: &str = "maestro.dev/ending";
/// Annotation: when the result was stored, in milliseconds since the epoch.
pub(crate) const COLLECTED: &str = "maestro.dev/collected-at";
/// Annotation: how far the output was shipped, see [`super::logs`].
pub(crate) const SHIPPED: &str = "maestro.dev/log-checkpoint";

/// The container that executes the run's command.
pub(crate) const CONTAINER: &str = "run";
/// Longest prefix: `<prefix>-<32 hex digits>-<10 digits>` is a label value of 63 characters.
pub(crate) const LONGEST_PREFIX: usize = 19;

/// Names under one prefix, within one instance.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) prefix: Name,
    pub(crate) instance: Name,
}

impl Names {
    /// The Job of an attempt. Deterministic: whoever creates it a second time is told so.
    pub(crate) fn job(&self, run: RunId, attempt: u32) -> String {
        format!("{}-{}-{attempt}", self.prefix, run.uuid().simple())
    }
    /// Run and attempt of a Job's name; `None` for a foreign one.
    pub(crate) fn parse_job(&self, name: &str) -> Option<(RunId, u32)> {
        let rest = name.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let (run, attempt) = rest.split_once('-')?;
        let run = RunId::new(Uuid::try_parse(run).ok()?);
        Some((run, attempt.parse().ok()?))
    }
    /// The namespace of a run that has its own.
    pub(crate) fn namespace(&self, run: RunId) -> String {
        format!("{}-{}", self.prefix, run.uuid().simple())
    }
    /// Labels that everything of this instance carries.
    pub(crate) fn own(&self) -> BTreeMap<String, String> {
        labels([
            (MANAGED_BY, MANAGER.to_owned()),
            (INSTANCE, self.instance.to_string()),
        ])
    }
    /// Labels of what belongs to one run.
    pub(crate) fn of_run(&self, run: RunId) -> BTreeMap<String, String> {
        let mut all = self.own();
        all.insert(RUN.to_owned(), run.to_string());
        all
    }
    /// Labels of what belongs to one attempt.
    pub(crate) fn of_attempt(&self, run: RunId, attempt: u32) -> BTreeMap<String, String> {
        let mut all = self.of_run(run);
        all.insert(ATTEMPT.to_owned(), attempt.to_string());
        all
    }
    /// Selects everything of this instance.
    pub(crate) fn selector(&self) -> String {
        format!("{MANAGED_BY}={MANAGER},{INSTANCE}={}", self.instance)
    }
    /// Whether it carries this instance's labels.
    pub(crate) fn are_on(&self, meta: &ObjectMeta) -> bool {
        self.own()
            .iter()
            .all(|(key, value)| label(meta, key) == Some(value))
    }
}

/// ConfigMap with the inputs of a Job.
pub(crate) fn inputs(job: &str) -> String {
    format!("{job}-inputs")
}

/// Secret with the environment of a Job.
pub(crate) fn environment(job: &str) -> String {
    format!("{job}-env")
}

/// A label's value.
pub(crate) fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

/// An annotation's value.
pub(crate) fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Run and attempt an object's labels name.
pub(crate) fn attempt_of(meta: &ObjectMeta) -> Option<(RunId, u32)> {
    let run = label(meta, RUN)?.parse().ok()?;
    Some((run, label(meta, ATTEMPT)?.parse().ok()?))
}

/// The execution a Job stands for now.
pub(crate) fn execution_of(meta: &ObjectMeta) -> Option<Execution> {
    let (run, attempt) = attempt_of(meta)?;
    let token = annotation(meta, TOKEN)?.parse().ok()?;
    Some(Execution {
        run,
        attempt,
        token,
    })
}

fn labels<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_is_still_a_label_value() {
        let names = Names {
            prefix: "p".repeat(LONGEST_PREFIX).parse().unwrap(),
            instance: "maestro".parse().unwrap(),
        };
        let run = RunId::new(uuid::Uuid::from_u128(u128::MAX));
        assert_eq!(names.job(run, u32::MAX).len(), 63);
        assert!(names.job(run, 1).parse::<Name>().is_ok());
        assert!(names.namespace(run).parse::<Name>().is_ok());
        assert_eq!(names.parse_job(&names.job(run, 12)), Some((run, 12)));
        assert_eq!(names.parse_job(&names.namespace(run)), None);
    }

    #[test]
    fn an_execution_survives_labels_and_annotations() {
        let names = Names {
            prefix: "run".parse().unwrap(),
            instance: "maestro".parse().unwrap(),
        };
        let run = RunId::new(uuid::Uuid::from_u128(7));
        let mut meta = ObjectMeta {
            labels: Some(names.of_attempt(run, 2)),
            ..ObjectMeta::default()
        };
        assert!(names.are_on(&meta));
        assert_eq!(execution_of(&meta), None);
        meta.annotations = Some(labels([(TOKEN, "77".to_owned())]));
        let execution = Execution {
            run,
            attempt: 2,
            token: 77,
        };
        assert_eq!(execution_of(&meta), Some(execution));
    }
}
