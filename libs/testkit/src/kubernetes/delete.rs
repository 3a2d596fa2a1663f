//! Delete, of one and of many.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

use super::{
    json::{self, int, set, text},
    kind::{self, Kind},
    refusal::Refusal,
    request::{Request, Target},
    state::State,
    write,
};

pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";

/// How something is deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletion {
    pub(crate) propagation: Option<String>,
    pub(crate) grace: Option<i64>,
    uid: Option<String>,
    revision: Option<String>,
    dry_run: bool,
}

impl Deletion {
    /// With its dependents, afterwards.
    pub(crate) fn background() -> Self {
        Self {
            propagation: Some("Background".to_owned()),
            ..Self::default()
        }
    }

    /// After its dependents.
    pub(crate) fn foreground() -> Self {
        Self {
            propagation: Some("Foreground".to_owned()),
            ..Self::default()
        }
    }

    /// At once.
    pub(crate) fn forced() -> Self {
        Self {
            grace: Some(0),
            ..Self::background()
        }
    }

    /// # Errors
    /// 400 for unknown fields and policies.
    pub(crate) fn read(request: &Request) -> Result<Self, Refusal> {
        let body = if request.body.is_empty() {
            json!({})
        } else {
            request.json()?
        };
        let known = kind::recode::<DeleteOptions>(&body).map_err(Refusal::bad_request)?;
        let mut unknown = Vec::new();
        kind::compare(&body, &known, "", &mut unknown);
        if !unknown.is_empty() {
            return Err(Refusal::bad_request(format!(
                "strict decoding error: unknown field {unknown:?}"
            )));
        }
        let word =
            |pointer: &str| Some(text(&body, pointer).to_owned()).filter(|text| !text.is_empty());
        let param = request.param("propagationPolicy").to_owned();
        let propagation =
            word("/propagationPolicy").or(Some(param).filter(|text| !text.is_empty()));
        if let Some(policy) = &propagation
            && !["Background", "Foreground", "Orphan"].contains(&policy.as_str())
        {
            return Err(Refusal::new(
                422,
                "Invalid",
                format!(
                    "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: {policy:?}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                ),
            ));
        }
        Ok(Self {
            propagation,
            grace: int(&body, "/gracePeriodSeconds").or(request.number("gracePeriodSeconds")?),
            uid: word("/preconditions/uid"),
            revision: word("/preconditions/resourceVersion"),
            dry_run: request.dry_run() || !json::list(&body, "/dryRun").is_empty(),
        })
    }
}

impl State {
    /// # Errors
    /// 404 without such an object, 409 for preconditions that do not hold.
    pub(crate) fn delete(&mut self, target: &Target, request: &Request) -> Result<Value, Refusal> {
        let deletion = Deletion::read(request)?;
        let name = target.name.as_deref().unwrap_or_default();
        let object = self
            .get(target.kind, &target.namespace, name)
            .cloned()
            .ok_or_else(|| Refusal::not_found(target.kind, name))?;
        let after = self.delete_object(target.kind, &object, &deletion)?;
        let remains = self.get(target.kind, &target.namespace, name).is_some();
        Ok(if remains || target.kind == Kind::Pod {
            Value::clone(&after)
        } else {
            write::deleted(target.kind, &after)
        })
    }

    /// # Errors
    /// 400 for wrong parameters.
    pub(crate) fn delete_collection(
        &mut self,
        target: &Target,
        request: &Request,
    ) -> Result<Value, Refusal> {
        let deletion = Deletion::read(request)?;
        let selector = self.selector(target, request)?;
        let all = self.list(target.kind, &target.namespace);
        let all: Vec<_> = all
            .filter(|object| selector.matches(object))
            .cloned()
            .collect();
        for object in &all {
            self.delete_object(target.kind, object, &deletion)?;
        }
        Ok(json!({
            "kind": format!("{}List", target.kind.info().name), "apiVersion": target.kind.api_version(),
            "metadata": {"resourceVersion": self.revision.to_string()}, "items": all.iter().map(|object| Value::clone(object)).collect::<Vec<_>>(),
        }))
    }

    /// Deletes an object, or marks it for those who have to do something first.
    ///
    /// # Errors
    /// 409 for preconditions that do not hold, 403 for namespaces that cannot be deleted.
    pub(crate) fn delete_object(
        &mut self,
        kind: Kind,
        object: &Arc<Value>,
        deletion: &Deletion,
    ) -> Result<Arc<Value>, Refusal> {
        check(kind, object, deletion)?;
        if deletion.dry_run {
            return Ok(Arc::clone(object));
        }
        let mut new = Value::clone(object);
        if kind == Kind::Namespace {
            set(&mut new, &["status", "phase"], "Terminating");
        }
        let default = if kind == Kind::Job {
            "Orphan"
        } else {
            "Background"
        };
        let already = json::deleting(object);
        let policy = match &deletion.propagation {
            Some(policy) => policy.as_str(),
            None if json::has_finalizer(object, FOREGROUND) => "Foreground",
            None if already => "",
            None => default,
        };
        for (finalizer, of) in [(FOREGROUND, "Foreground"), (ORPHAN, "Orphan")] {
            if policy == of {
                json::add_finalizer(&mut new, finalizer);
            } else if !policy.is_empty() {
                json::remove_finalizer(&mut new, finalizer);
            }
        }
        if !already {
            set(
                &mut new,
                &["metadata", "deletionTimestamp"],
                self.clock.text(),
            );
            if let Some(generation) = int(&new, "/metadata/generation") {
                set(&mut new, &["metadata", "generation"], generation + 1);
            }
        }
        if kind == Kind::Pod {
            self.grace(&mut new, deletion.grace);
        } else {
            set(&mut new, &["metadata", "deletionGracePeriodSeconds"], 0);
        }
        Ok(self.put(kind, new))
    }

    /// How long a pod has left. What does not run needs no time.
    fn grace(&self, pod: &mut Value, asked: Option<i64>) {
        let ended = ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
        let placed = !text(pod, "/spec/nodeName").is_empty();
        let default = int(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let mut grace = if ended || !placed {
            0
        } else {
            asked.unwrap_or(default).max(0)
        };
        if let Some(before) = int(pod, "/metadata/deletionGracePeriodSeconds") {
            grace = grace.min(before);
        }
        set(pod, &["metadata", "deletionGracePeriodSeconds"], grace);
        let due = super::clock::seconds(self.clock.nanos() + i128::from(grace) * 1_000_000_000);
        set(pod, &["metadata", "deletionTimestamp"], due);
    }
}

fn check(kind: Kind, object: &Value, deletion: &Deletion) -> Result<(), Refusal> {
    let name = json::name(object);
    let wanted = [
        ("UID", &deletion.uid, json::uid(object)),
        (
            "ResourceVersion",
            &deletion.revision,
            text(object, "/metadata/resourceVersion"),
        ),
    ];
    for (what, wanted, found) in wanted {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
            let why = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
            );
            return Err(Refusal::conflict(kind, name, &why));
        }
    }
    if kind == Kind::Namespace && ["default", "kube-system"].contains(&name) {
        return Err(Refusal::forbidden(
            kind,
            name,
            "this namespace may not be deleted",
        ));
    }
    Ok(())
}
