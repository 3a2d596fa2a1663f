//! Create and update.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    admission, apply, defaults,
    json::{self, remove, set, text},
    kind::{Kind, Undecodable},
    naming,
    refusal::{Cause, Refusal},
    request::{Request, Target},
    state::State,
    validate,
};

const SUFFIX: usize = 5;

/// Who writes, and whether it is stored.
pub(crate) struct Writer {
    manager: String,
    /// `managedFields`, when an apply has worked them out.
    managed: Option<Value>,
    dry_run: bool,
}

impl Writer {
    pub(crate) fn by(manager: &str, dry_run: bool) -> Self {
        Self {
            manager: manager.to_owned(),
            managed: None,
            dry_run,
        }
    }
    pub(crate) fn apply(managed: Value, dry_run: bool) -> Self {
        Self {
            manager: String::new(),
            managed: Some(managed),
            dry_run,
        }
    }
    /// A controller, whose fields are not tracked.
    pub(crate) fn controller() -> Self {
        Self::by("", false)
    }

    fn sign(&self, old: &Value, new: &mut Value, target: &Target, now: &str) {
        match &self.managed {
            Some(managed) => set(new, &["metadata", "managedFields"], managed.clone()),
            None => apply::track(old, new, &self.manager, target.subresource.as_deref(), now),
        }
    }
}

impl State {
    /// # Errors
    /// As the API server refuses it.
    pub(crate) fn create(
        &mut self,
        target: &Target,
        request: &Request,
    ) -> Result<Arc<Value>, Refusal> {
        let mut object = request.json()?;
        check_type(target.kind, &mut object)?;
        decode(
            target.kind,
            &object,
            request.param("fieldValidation") == "Ignore",
        )?;
        self.create_object(
            target,
            object,
            &Writer::by(&request.manager(), request.dry_run()),
        )
    }

    /// Creates what was decoded.
    ///
    /// # Errors
    /// As the API server refuses it.
    pub(crate) fn create_object(
        &mut self,
        target: &Target,
        mut object: Value,
        writer: &Writer,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = target.kind;
        json::drop_nulls(&mut object);
        place(target, &mut object)?;
        if !text(&object, "/metadata/resourceVersion").is_empty() {
            return Err(Refusal::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        self.prepare(kind, &mut object);
        admission::mutate(self, kind, &mut object)?;
        defaults::fill(kind, &mut object);
        admission::check(self, kind, &object)?;
        let name = json::name(&object).to_owned();
        let causes = validate::object(kind, &object);
        if !causes.is_empty() {
            return Err(Refusal::invalid(kind, &name, &causes));
        }
        if self.get(kind, &target.namespace, &name).is_some() {
            return Err(Refusal::already_exists(kind, &name));
        }
        writer.sign(&Value::Null, &mut object, target, &self.clock.text());
        if writer.dry_run {
            return Ok(Arc::new(object));
        }
        Ok(self.put(kind, object))
    }

    fn prepare(&self, kind: Kind, object: &mut Value) {
        let base = text(object, "/metadata/generateName").to_owned();
        if json::name(object).is_empty() && !base.is_empty() {
            let kept: String = base.chars().take(63 - SUFFIX).collect();
            set(
                object,
                &["metadata", "name"],
                format!("{kept}{}", naming::suffix()),
            );
        }
        for field in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
            "selfLink",
        ] {
            remove(object, &["metadata", field]);
        }
        set(object, &["metadata", "uid"], naming::uid());
        set(
            object,
            &["metadata", "creationTimestamp"],
            self.clock.text(),
        );
        if kind.info().has_status {
            remove(object, &["status"]);
        }
        defaults::prepare(kind, object);
    }

    /// # Errors
    /// As the API server refuses it.
    pub(crate) fn update(
        &mut self,
        target: &Target,
        request: &Request,
    ) -> Result<Arc<Value>, Refusal> {
        let mut object = request.json()?;
        check_type(target.kind, &mut object)?;
        decode(
            target.kind,
            &object,
            request.param("fieldValidation") == "Ignore",
        )?;
        let name = target.name.as_deref().unwrap_or_default();
        if json::name(&object) != name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({name})",
                json::name(&object)
            )));
        }
        place(target, &mut object)?;
        let old = self
            .copy(target.kind, &target.namespace, name)
            .ok_or_else(|| Refusal::not_found(target.kind, name))?;
        let writer = Writer::by(&request.manager(), request.dry_run());
        self.replace(target, &old, object, &writer)
    }

    /// Replaces an object, or its status when that is what the target names.
    pub(crate) fn replace(
        &mut self,
        target: &Target,
        old: &Value,
        mut new: Value,
        writer: &Writer,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = target.kind;
        json::drop_nulls(&mut new);
        let name = json::name(old).to_owned();
        let wanted = text(&new, "/metadata/resourceVersion");
        if !wanted.is_empty() && wanted != text(old, "/metadata/resourceVersion") {
            return Err(Refusal::modified(kind, &name));
        }
        let wanted = json::uid(&new);
        if !wanted.is_empty() && wanted != json::uid(old) {
            let why = format!(
                "Precondition failed: UID in precondition: {wanted}, UID in object meta: {}",
                json::uid(old)
            );
            return Err(Refusal::conflict(kind, &name, &why));
        }
        keep(kind, target.subresource.as_deref(), old, &mut new);
        defaults::fill(kind, &mut new);
        if new["spec"] != old["spec"] && old["metadata"].get("generation").is_some() {
            let generation = json::int(old, "/metadata/generation").unwrap_or(0) + 1;
            set(&mut new, &["metadata", "generation"], generation);
        }
        let mut causes = validate::object(kind, &new);
        causes.extend(validate::change(kind, old, &new));
        if !causes.is_empty() {
            return Err(Refusal::invalid(kind, &name, &causes));
        }
        writer.sign(old, &mut new, target, &self.clock.text());
        if writer.dry_run {
            return Ok(Arc::new(new));
        }
        Ok(self.put(kind, new))
    }
}

/// What an update cannot change stays as it was.
fn keep(kind: Kind, subresource: Option<&str>, old: &Value, new: &mut Value) {
    if subresource == Some("status") {
        let status = new["status"].clone();
        *new = old.clone();
        set(new, &["status"], status);
        return;
    }
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "managedFields",
    ] {
        match old["metadata"].get(field) {
            Some(value) => set(new, &["metadata", field], value.clone()),
            None => remove(new, &["metadata", field]),
        }
    }
    if kind.info().has_status {
        match old.get("status") {
            Some(status) => set(new, &["status"], status.clone()),
            None => remove(new, &["status"]),
        }
    }
    if kind == Kind::Namespace {
        set(new, &["spec"], old["spec"].clone());
    }
}

/// Namespace of the path, when the body names none.
fn place(target: &Target, object: &mut Value) -> Result<(), Refusal> {
    if !target.kind.info().namespaced {
        remove(object, &["metadata", "namespace"]);
        return Ok(());
    }
    let named = json::namespace(object);
    if !named.is_empty() && named != target.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    set(object, &["metadata", "namespace"], target.namespace.clone());
    Ok(())
}

/// Kind and version must be the path's; they are filled in when they are missing.
pub(crate) fn check_type(kind: Kind, object: &mut Value) -> Result<(), Refusal> {
    if !object.is_object() {
        return Err(Refusal::bad_request(
            "the object provided is unrecognized (must be of type Object)",
        ));
    }
    let expected = [
        ("apiVersion", kind.api_version(), "API version"),
        ("kind", kind.info().name.to_owned(), "kind"),
    ];
    for (field, expected, words) in expected {
        let found = text(object, &format!("/{field}")).to_owned();
        if !found.is_empty() && found != expected {
            return Err(Refusal::bad_request(format!(
                "the {words} in the data ({found}) does not match the expected {words} ({expected})"
            )));
        }
        set(object, &[field], expected);
    }
    Ok(())
}

/// # Errors
/// 400 for wrong types and unknown fields.
pub(crate) fn decode(kind: Kind, object: &Value, lenient: bool) -> Result<(), Refusal> {
    let name = kind.info().name;
    let refuse = |why: String| {
        Err(Refusal::bad_request(format!(
            "{name} in version \"v1\" cannot be handled as a {name}: {why}"
        )))
    };
    match kind.check(object) {
        Err(Undecodable::Type(why)) => refuse(format!("json: {why}")),
        Err(Undecodable::Unknown(fields)) if !lenient => {
            let all: Vec<_> = fields
                .iter()
                .map(|field| format!("unknown field {field:?}"))
                .collect();
            refuse(format!("strict decoding error: {}", all.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A namespace must be there and stay there for something to be created in it.
pub(crate) fn check_namespace(state: &State, kind: Kind, object: &Value) -> Result<(), Refusal> {
    if !kind.info().namespaced {
        return Ok(());
    }
    let namespace = json::namespace(object);
    let found = state
        .get(Kind::Namespace, "", namespace)
        .ok_or_else(|| Refusal::not_found(Kind::Namespace, namespace))?;
    if json::deleting(found) {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let message = format!("namespace {namespace} is being terminated");
        return Err(
            Refusal::forbidden(kind, json::name(object), &why).with_cause(
                "NamespaceTerminating",
                "metadata.namespace",
                &message,
            ),
        );
    }
    Ok(())
}

/// The cause for a field that must not change.
pub(crate) fn immutable(field: &str, value: &Value) -> Cause {
    Cause::invalid(field, value, "field is immutable")
}

/// The answer to a delete that is done.
pub(crate) fn deleted(kind: Kind, object: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": json::name(object), "group": kind.info().group, "kind": kind.info().plural, "uid": json::uid(object)},
    })
}
