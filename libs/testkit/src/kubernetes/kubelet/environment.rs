//! The environment and the command of a container.

use std::collections::BTreeMap;

use serde_json::Value;

use super::volumes;
use crate::kubernetes::{
    json::{self, flag, has, list, text},
    kind::Kind,
    state::State,
};

/// The variables of a container, those of the image first.
///
/// # Errors
/// Why the container cannot be configured, in the kubelet's words.
pub(super) fn variables(
    state: &State,
    pod: &Value,
    container: &Value,
) -> Result<BTreeMap<String, String>, String> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), path),
        ("HOSTNAME".to_owned(), json::name(pod).to_owned()),
        ("KUBERNETES_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
    ]);
    for from in list(container, "/envFrom") {
        let prefix = text(from, "/prefix");
        for (source, kind) in [
            ("configMapRef", Kind::ConfigMap),
            ("secretRef", Kind::Secret),
        ] {
            if !has(from, &format!("/{source}")) {
                continue;
            }
            if let Some(object) = find(state, pod, kind, &from[source])? {
                let data = volumes::data(object).into_iter();
                all.extend(data.map(|(key, value)| {
                    (
                        format!("{prefix}{key}"),
                        String::from_utf8_lossy(&value).into_owned(),
                    )
                }));
            }
        }
    }
    for variable in list(container, "/env") {
        let value = match variable.get("valueFrom") {
            Some(from) => value_from(state, pod, from)?,
            None => Some(expand(text(variable, "/value"), &all)),
        };
        if let Some(value) = value {
            all.insert(text(variable, "/name").to_owned(), value);
        }
    }
    Ok(all)
}

fn find<'a>(
    state: &'a State,
    pod: &Value,
    kind: Kind,
    reference: &Value,
) -> Result<Option<&'a Value>, String> {
    let name = text(reference, "/name");
    match state.get(kind, json::namespace(pod), name) {
        Some(object) => Ok(Some(object)),
        None if flag(reference, "/optional") => Ok(None),
        None => Err(format!("{} {name:?} not found", kind.info().singular)),
    }
}

fn value_from(state: &State, pod: &Value, from: &Value) -> Result<Option<String>, String> {
    if has(from, "/fieldRef") {
        return Ok(Some(field(pod, text(from, "/fieldRef/fieldPath"))));
    }
    for (source, kind) in [
        ("configMapKeyRef", Kind::ConfigMap),
        ("secretKeyRef", Kind::Secret),
    ] {
        if !has(from, &format!("/{source}")) {
            continue;
        }
        let reference = &from[source];
        let Some(object) = find(state, pod, kind, reference)? else {
            return Ok(None);
        };
        let key = text(reference, "/key");
        let found = volumes::data(object)
            .into_iter()
            .find(|(name, _)| name == key);
        return match found {
            Some((_, value)) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
            None if flag(reference, "/optional") => Ok(None),
            None => Err(format!(
                "couldn't find key {key} in {} {}/{}",
                kind.info().name,
                json::namespace(pod),
                text(reference, "/name")
            )),
        };
    }
    Ok(Some(String::new()))
}

/// A field of the pod: `metadata.name`, `metadata.labels['x']`, `spec.nodeName`…
pub(super) fn field(pod: &Value, path: &str) -> String {
    let (base, key) = match path.split_once("['") {
        Some((base, key)) => (base, Some(key.trim_end_matches("']"))),
        None => (path, None),
    };
    let found = pod.pointer(&format!("/{}", base.replace('.', "/")));
    let found = found.and_then(|value| key.map_or(Some(value), |key| value.get(key)));
    found.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `$(NAME)` becomes the variable's value, `$$` becomes `$`; what is unknown stays.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
        {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_the_kubelet_does() {
        let all = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (given, expected) in [
            ("$(A)-$(B)", "1-$(B)"),
            ("$$(A)", "$(A)"),
            ("$A ${A} $", "$A ${A} $"),
            ("$(date) $$$$", "$(date) $$"),
            ("$(A", "$(A"),
        ] {
            assert_eq!(expand(given, &all), expected, "{given}");
        }
    }
}
