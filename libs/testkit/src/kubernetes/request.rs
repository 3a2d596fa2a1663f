//! What a request asks for.

use std::collections::BTreeMap;

use http::{HeaderMap, Method};
use serde_json::Value;

use super::{kind::Kind, refusal::Refusal};

/// The object or collection a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// Empty for all namespaces and for objects without one.
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// A request with its body read.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), "true" | "1")
    }

    /// # Errors
    /// 400 when it is no number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.param(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Refusal::bad_request(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))
            }),
        }
    }

    /// Whether nothing must be stored.
    pub(crate) fn dry_run(&self) -> bool {
        self.param("dryRun") == "All"
    }

    /// Who writes: the parameter, or the first part of the user agent.
    pub(crate) fn manager(&self) -> String {
        let agent = self.headers.get(http::header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok()).unwrap_or("");
        match self.param("fieldManager") {
            "" => agent.split('/').next().unwrap_or_default().to_owned(),
            named => named.to_owned(),
        }
    }

    pub(crate) fn content_type(&self) -> &str {
        let header = self.headers.get(http::header::CONTENT_TYPE);
        let value = header.and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(';').next().unwrap_or_default().trim()
    }

    /// # Errors
    /// 415 for another content type than JSON, 400 for what is not JSON, 413 above 3 MiB.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        if self.body.len() > 3 * 1024 * 1024 {
            return Err(Refusal::new(
                413,
                "RequestEntityTooLarge",
                format!("Request entity too large: limit is {}", 3 * 1024 * 1024),
            ));
        }
        if !["", "application/json"].contains(&self.content_type()) {
            return Err(unsupported_media(&["application/json"]));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::bad_request(format!(
                "the object provided is unrecognized (must be of type Object): {error}"
            ))
        })
    }
}

pub(crate) fn unsupported_media(accepted: &[&str]) -> Refusal {
    Refusal::new(
        415,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        ),
    )
}

/// Reads a path below `/api/v1` or `/apis/GROUP/v1`.
pub(crate) fn target(path: &str) -> Option<Target> {
    let mut parts = path.trim_matches('/').split('/');
    let group = match parts.next()? {
        "api" => "",
        "apis" => parts.next()?,
        _ => return None,
    };
    if parts.next()? != "v1" {
        return None;
    }
    let rest: Vec<&str> = parts.collect();
    let owned = |part: Option<&&str>| part.map(|part| (*part).to_owned());
    let (namespace, plural, after) = match rest.as_slice() {
        ["namespaces", namespace, plural, after @ ..]
            if Kind::find(group, plural).is_some_and(|kind| kind.info().namespaced) =>
        {
            (*namespace, *plural, after)
        }
        [plural, after @ ..] => ("", *plural, after),
        [] => return None,
    };
    let kind = Kind::find(group, plural)?;
    if after.len() > 2 || (kind.info().namespaced && namespace.is_empty() && !after.is_empty()) {
        return None;
    }
    Some(Target {
        kind,
        namespace: namespace.to_owned(),
        name: owned(after.first()),
        subresource: owned(after.get(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let found = target("/apis/batch/v1/namespaces/a/jobs/b/status").unwrap();
        assert_eq!(found.kind, Kind::Job);
        assert_eq!(found.namespace, "a");
        assert_eq!(found.name.as_deref(), Some("b"));
        assert_eq!(found.subresource.as_deref(), Some("status"));
        let found = target("/api/v1/namespaces/a").unwrap();
        assert_eq!(
            (found.kind, found.name.as_deref()),
            (Kind::Namespace, Some("a"))
        );
        let found = target("/api/v1/pods").unwrap();
        assert_eq!(
            (found.kind, found.namespace.as_str(), found.name),
            (Kind::Pod, "", None)
        );
        for wrong in [
            "/api/v1/pods/x",
            "/api/v2/pods",
            "/apis/batch/v1/namespaces/a/pods",
            "/api/v1",
        ] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
    }
}
