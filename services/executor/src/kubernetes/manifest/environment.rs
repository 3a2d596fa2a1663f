//! The environment of a run: what it is in the clear, its own variables from its Secret.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, Secret, SecretKeySelector};

use super::Wanted;
use crate::kubernetes::names;

/// Where the inputs are, read-only.
pub(super) const INPUTS: &str = "/maestro/inputs";
/// Where the run may leave a result of its own.
pub(super) const OUTPUT: &str = "/maestro/output";
pub(super) const HOME: &str = "/maestro/home";
pub(super) const TMP: &str = "/tmp";
pub(super) const WORKSPACE: &str = "/workspace";

/// Longest name of a variable: it is a key of the Secret.
const LONGEST_NAME: usize = 253;

/// The run's own variables that a Secret cannot hold.
pub(crate) fn unusable_names(env: &BTreeMap<String, String>) -> Vec<&str> {
    let usable = |name: &str| {
        (1..=LONGEST_NAME).contains(&name.len())
            && name != "."
            && !name.starts_with("..")
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let names = env.keys().map(String::as_str);
    names.filter(|name| !usable(name)).collect()
}

/// The variables of the run's container. Its own may replace `HOME` and `TMPDIR`, not those that
/// say what it is.
pub(super) fn variables(wanted: &Wanted<'_>) -> Vec<EnvVar> {
    let (start, spec) = (&wanted.task.start, &wanted.task.spec);
    let what_it_is = [
        ("MAESTRO_RUN_ID", Some(start.execution.run.to_string())),
        ("MAESTRO_ATTEMPT", Some(start.execution.attempt.to_string())),
        ("MAESTRO_PROJECT", Some(start.slug.to_string())),
        ("MAESTRO_TRIGGER", Some(start.trigger.to_string())),
        ("MAESTRO_DELIVERY_ID", Some(start.delivery.to_string())),
        ("MAESTRO_EVENT", Some(start.event.clone())),
        ("MAESTRO_REPOSITORY", spec.repository.clone()),
        ("MAESTRO_PROMPT_FILE", Some(format!("{INPUTS}/prompt.md"))),
        ("MAESTRO_RESULT_FILE", Some(format!("{OUTPUT}/result.json"))),
        ("TRACEPARENT", wanted.task.traceparent.clone()),
    ];
    let secret = names::environment(&wanted.name());
    let own = spec
        .env
        .keys()
        .filter(|name| what_it_is.iter().all(|(taken, _)| taken != name))
        .map(|name| from_secret(&secret, name));
    let places = [("HOME", HOME), ("TMPDIR", TMP)]
        .into_iter()
        .filter(|(name, _)| !spec.env.contains_key(*name))
        .map(|(name, path)| plain(name, path));
    let known = what_it_is
        .iter()
        .filter_map(|(name, value)| Some(plain(name, value.as_deref()?)));
    places.chain(own).chain(known).collect()
}

/// Text that Kubernetes takes literally: it would expand `$(NAME)` otherwise.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// The run's own variables as its Secret keeps them, for masking its output.
pub(crate) fn secrets(secret: &Secret) -> BTreeMap<String, String> {
    let data = secret.data.iter().flatten();
    data.map(|(name, value)| {
        let text = String::from_utf8_lossy(&value.0).into_owned();
        (name.clone(), text)
    })
    .collect()
}

fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(literal(value)),
        ..EnvVar::default()
    }
}

fn from_secret(secret: &str, name: &str) -> EnvVar {
    let key = SecretKeySelector {
        key: name.to_owned(),
        name: secret.to_owned(),
        optional: None,
    };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(key),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}
