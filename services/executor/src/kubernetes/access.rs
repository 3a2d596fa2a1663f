//! Whether the credentials are good for what the backend does, asked before anything is done.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::{Api, api::PostParams};

use super::{
    calls::{self, CallError},
    cluster::Cluster,
    config::Scope,
};

/// A right: API group, resource (with subresource), verbs.
type Right = (&'static str, &'static str, &'static [&'static str]);

/// Needed wherever runs execute. The same as in `deploy/k8s/rbac`, which a test compares.
pub(crate) const RIGHTS: [Right; 6] = [
    (
        "batch",
        "jobs",
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    ("", "pods", &["list", "watch"]),
    ("", "pods/log", &["get"]),
    ("", "events", &["list", "watch"]),
    (
        "",
        "configmaps",
        &["get", "list", "create", "patch", "delete"],
    ),
    ("", "secrets", &["get", "create", "patch", "delete"]),
];

/// Needed beyond for namespaces of `full-env` runs.
pub(crate) const FULL_ENV_RIGHTS: [Right; 5] = [
    (
        "",
        "namespaces",
        &["get", "list", "create", "patch", "delete"],
    ),
    ("", "resourcequotas", &["create", "patch"]),
    ("", "limitranges", &["create", "patch"]),
    ("", "serviceaccounts", &["create", "patch"]),
    ("networking.k8s.io", "networkpolicies", &["create", "patch"]),
];

/// Needed beyond where only one namespace is used: its uid tells clusters apart.
pub(crate) const NAMESPACE_RIGHTS: [Right; 1] = [("", "namespaces", &["get"])];

/// Why the backend cannot work with the cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("the API server cannot be asked what is allowed")]
    Ask(#[source] CallError),
    #[error(
        "the credentials lack rights: {0}; deploy/k8s/rbac lists all that are needed for this scope"
    )]
    Missing(String),
}

impl Cluster {
    /// Asks for every right.
    ///
    /// # Errors
    /// Names all that are missing.
    pub(crate) async fn check_access(&self) -> Result<(), AccessError> {
        let config = &self.settings.config;
        let (namespace, more): (Option<&str>, &[Right]) = match config.scope {
            Scope::Cluster => (None, &FULL_ENV_RIGHTS),
            Scope::Namespace => (Some(config.namespace.as_str()), &NAMESPACE_RIGHTS),
        };
        let mut missing = Vec::new();
        for (group, resource, verbs) in RIGHTS.iter().chain(more) {
            for verb in *verbs {
                let allowed = self.may(group, resource, verb, namespace).await;
                if !allowed.map_err(AccessError::Ask)? {
                    let dot = if group.is_empty() { "" } else { "." };
                    missing.push(format!("{verb} {resource}{dot}{group}"));
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(AccessError::Missing(missing.join(", ")))
    }

    async fn may(
        &self,
        group: &str,
        resource: &str,
        verb: &str,
        namespace: Option<&str>,
    ) -> Result<bool, CallError> {
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, sub)) => (resource, Some(sub.to_owned())),
            None => (resource, None),
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(group.to_owned()),
                    resource: Some(resource.to_owned()),
                    subresource,
                    verb: Some(verb.to_owned()),
                    namespace: namespace.map(str::to_owned),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api = Api::<SelfSubjectAccessReview>::all(self.client.clone());
        let params = PostParams::default();
        let answer = calls::repeat(&self.gate, None, || api.create(&params, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}
