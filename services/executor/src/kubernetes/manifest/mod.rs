//! What is created for an attempt. Pure: from the task and the settings alone.

mod environment;
pub(crate) mod inputs;
mod job;
pub(crate) mod namespace;
mod pod;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{
    api::resource::Quantity,
    apis::meta::v1::{ObjectMeta, OwnerReference},
};

pub(crate) use self::{environment::secrets, job::job};
use super::{names, settings::Settings};
use crate::backend::Task;

/// One attempt to create.
pub(crate) struct Wanted<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) task: &'a Task,
    pub(crate) namespace: &'a str,
}

impl Wanted<'_> {
    /// Name of the Job.
    pub(crate) fn name(&self) -> String {
        let execution = self.task.start.execution;
        self.settings.names.job(execution.run, execution.attempt)
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let start = &self.task.start;
        let execution = start.execution;
        let mut labels = self
            .settings
            .names
            .of_attempt(execution.run, execution.attempt);
        labels.insert(names::PROJECT.to_owned(), start.slug.to_string());
        labels.insert(names::POOL.to_owned(), start.pool.to_string());
        labels
    }

    /// What identifies the attempt beside its labels. The token moves with the lease, so it stands
    /// on what can be patched only.
    fn annotations(&self) -> BTreeMap<String, String> {
        let start = &self.task.start;
        let mut all = BTreeMap::from([
            (names::CORRELATION.to_owned(), start.delivery.to_string()),
            (names::SPEC.to_owned(), start.spec.digest.to_string()),
        ]);
        if let Some(traceparent) = &self.task.traceparent {
            all.insert(names::TRACEPARENT.to_owned(), traceparent.clone());
        }
        all
    }

    fn meta(&self, name: String) -> ObjectMeta {
        let mut annotations = self.annotations();
        let token = self.task.start.execution.token.to_string();
        annotations.insert(names::TOKEN.to_owned(), token);
        let executor = self.settings.executor.to_string();
        annotations.insert(names::EXECUTOR.to_owned(), executor);
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.to_owned()),
            labels: Some(self.labels()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }
    }
}

/// What makes an object go with its Job.
pub(crate) fn owned_by(job: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: job.name.clone().unwrap_or_default(),
        uid: job.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }
}

fn quantities(amounts: &BTreeMap<String, String>) -> Option<BTreeMap<String, Quantity>> {
    let all: BTreeMap<_, _> = amounts
        .iter()
        .map(|(resource, amount)| (resource.clone(), Quantity(amount.clone())))
        .collect();
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests;
