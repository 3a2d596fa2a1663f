//! Prompt and variables of a run, as objects its pod cannot start without.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};

use super::{Wanted, environment::unusable_names};
use crate::kubernetes::names;

/// Kubernetes keeps ConfigMaps and Secrets up to this size, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Inputs that cannot be handed to a pod.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InputError {
    #[error("the run names no image and the executor has no default")]
    NoImage,
    #[error("the prompt has {0} bytes; Kubernetes takes up to {LARGEST}")]
    Prompt(usize),
    #[error("the environment has {0} bytes; Kubernetes takes up to {LARGEST}")]
    Environment(usize),
    #[error("Kubernetes takes no environment variables of these names: {0}")]
    Names(String),
}

/// Checks what Kubernetes would refuse only later, or never say.
pub(crate) fn check(wanted: &Wanted<'_>) -> Result<(), InputError> {
    let spec = &wanted.task.spec;
    if spec.image.is_none() && wanted.settings.config.image.is_none() {
        return Err(InputError::NoImage);
    }
    let prompt = spec.prompt.as_ref().map_or(0, String::len);
    if prompt > LARGEST {
        return Err(InputError::Prompt(prompt));
    }
    let environment = spec
        .env
        .iter()
        .map(|(name, value)| name.len() + value.len());
    let environment = environment.sum();
    if environment > LARGEST {
        return Err(InputError::Environment(environment));
    }
    let names = unusable_names(&spec.env);
    if !names.is_empty() {
        return Err(InputError::Names(names.join(", ")));
    }
    Ok(())
}

/// The prompt.
pub(crate) fn config_map(wanted: &Wanted<'_>) -> ConfigMap {
    let prompt = wanted.task.spec.prompt.clone().unwrap_or_default();
    ConfigMap {
        metadata: wanted.meta(names::inputs(&wanted.name())),
        data: Some(BTreeMap::from([("prompt.md".to_owned(), prompt)])),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}

/// The run's own environment variables.
pub(crate) fn secret(wanted: &Wanted<'_>) -> Secret {
    let env = wanted.task.spec.env.iter();
    let data = env
        .map(|(name, value)| (name.clone(), ByteString(value.clone().into_bytes())))
        .collect();
    Secret {
        metadata: wanted.meta(names::environment(&wanted.name())),
        data: Some(data),
        immutable: Some(true),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
