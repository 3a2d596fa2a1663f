//! What the one user may do.

use serde_json::{Value, json};

use super::{json::text, refusal::Refusal, request::Target};

/// Who every request with the token is.
pub(crate) const USER: &str = "system:serviceaccount:maestro:maestro";

/// Something that is allowed, as a rule of a (Cluster)Role says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// API group; empty for the core.
    pub group: String,
    /// Resource, with its subresource after a slash: `pods/log`.
    pub resource: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Only in this namespace; everywhere without one.
    pub namespace: Option<String>,
}

impl Right {
    /// Each verb on each resource of a group, in every namespace.
    #[must_use]
    pub fn all(group: &str, resources: &[&str], verbs: &[&str]) -> Vec<Self> {
        let each = |resource: &str| {
            let resource = resource.to_owned();
            verbs
                .iter()
                .map(move |verb| Self {
                    group: group.to_owned(),
                    resource: resource.clone(),
                    verb: (*verb).to_owned(),
                    namespace: None,
                })
                .collect::<Vec<_>>()
        };
        resources
            .iter()
            .flat_map(|resource| each(resource))
            .collect()
    }

    /// The same right, in one namespace only.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }
}

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Need {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) namespace: String,
}

impl Need {
    pub(crate) fn of(target: &Target, verb: &str) -> Self {
        let info = target.kind.info();
        let resource = match &target.subresource {
            Some(sub) => format!("{}/{sub}", info.plural),
            None => info.plural.to_owned(),
        };
        // A namespace itself is named, not contained.
        Self {
            verb: verb.to_owned(),
            group: info.group.to_owned(),
            resource,
            namespace: target.namespace.clone(),
        }
    }

    /// What a `SelfSubjectAccessReview` asks.
    fn asked(review: &Value) -> Self {
        let field =
            |name: &str| text(review, &format!("/spec/resourceAttributes/{name}")).to_owned();
        let resource = match field("subresource").as_str() {
            "" => field("resource"),
            sub => format!("{}/{sub}", field("resource")),
        };
        Self {
            verb: field("verb"),
            group: field("group"),
            resource,
            namespace: field("namespace"),
        }
    }

    pub(crate) fn is_covered(&self, rights: Option<&[Right]>) -> bool {
        let Some(rights) = rights else {
            return true;
        };
        let fits = |have: &str, want: &str| have == "*" || have == want;
        rights.iter().any(|right| {
            fits(&right.verb, &self.verb)
                && fits(&right.group, &self.group)
                && fits(&right.resource, &self.resource)
                && right
                    .namespace
                    .as_ref()
                    .is_none_or(|only| *only == self.namespace)
        })
    }

    /// The refusal for a need that is not covered.
    pub(crate) fn refusal(&self, target: &Target) -> Refusal {
        let place = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let why = format!(
            "User {USER:?} cannot {} resource {:?} in API group {:?} {place}",
            self.verb, self.resource, self.group
        );
        Refusal::forbidden(
            target.kind,
            target.name.as_deref().unwrap_or_default(),
            &why,
        )
    }
}

/// The answer to a `SelfSubjectAccessReview`.
pub(crate) fn review(mut asked: Value, rights: Option<&[Right]>) -> Value {
    let allowed = Need::asked(&asked).is_covered(rights);
    asked["status"] = json!({"allowed": allowed});
    asked["apiVersion"] = "authorization.k8s.io/v1".into();
    asked["kind"] = "SelfSubjectAccessReview".into();
    asked
}
