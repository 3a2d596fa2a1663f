//! Who manages which field; server-side apply.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    fields::{self, Path},
    json::{self, set},
    kind::Undecodable,
    refusal::Refusal,
    request::{Request, Target, unsupported_media},
    state::State,
    write::{self, Writer},
};

/// One entry of `managedFields`.
struct Managed {
    manager: String,
    operation: String,
    subresource: String,
    time: String,
    paths: BTreeSet<Path>,
}

/// Keeps `managedFields` up to date for a write that is not an apply. Nobody manages what is
/// written without a manager's name.
pub(crate) fn track(
    old: &Value,
    new: &mut Value,
    manager: &str,
    subresource: Option<&str>,
    now: &str,
) {
    if manager.is_empty() {
        return;
    }
    let all = fields::leaves(new);
    let changed: BTreeSet<Path> = all
        .iter()
        .filter(|path| fields::at(old, path) != fields::at(new, path))
        .cloned()
        .collect();
    let mut managed = read(old);
    if changed.is_empty() && managed.iter().all(|entry| entry.paths.is_subset(&all)) {
        return;
    }
    let subresource = subresource.unwrap_or_default();
    let own = |entry: &Managed| {
        entry.manager == manager && entry.operation == "Update" && entry.subresource == subresource
    };
    for entry in &mut managed {
        entry.paths.retain(|path| all.contains(path));
    }
    if !changed.is_empty() {
        for entry in managed.iter_mut().filter(|entry| !own(entry)) {
            entry.paths.retain(|path| !changed.contains(path));
        }
        let mut paths = changed;
        if let Some(at) = managed.iter().position(own) {
            paths.extend(managed.remove(at).paths);
        }
        managed.push(Managed {
            manager: manager.to_owned(),
            operation: "Update".to_owned(),
            subresource: subresource.to_owned(),
            time: now.to_owned(),
            paths,
        });
    }
    write_back(new, managed);
}

fn read(object: &Value) -> Vec<Managed> {
    let own = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    json::list(object, "/metadata/managedFields")
        .iter()
        .map(|entry| Managed {
            manager: own(entry, "manager"),
            operation: own(entry, "operation"),
            subresource: own(entry, "subresource"),
            time: own(entry, "time"),
            paths: fields::decode(&entry["fieldsV1"]),
        })
        .collect()
}

fn write_back(object: &mut Value, managed: Vec<Managed>) {
    let version = object["apiVersion"].clone();
    let entries: Vec<_> = managed
        .into_iter()
        .filter(|entry| !entry.paths.is_empty())
        .map(|entry| {
            let mut value = json!({
                "manager": entry.manager, "operation": entry.operation, "apiVersion": version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": fields::encode(&entry.paths),
            });
            if !entry.subresource.is_empty() {
                value["subresource"] = entry.subresource.into();
            }
            value
        })
        .collect();
    set(object, &["metadata", "managedFields"], entries);
}

impl State {
    /// Any kind of patch, by its content type.
    ///
    /// # Errors
    /// As the API server refuses it; 415 for a strategic merge patch, which is not supported here.
    pub(crate) fn patch(
        &mut self,
        target: &Target,
        request: &Request,
    ) -> Result<Arc<Value>, Refusal> {
        const KNOWN: [&str; 3] = [
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ];
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
        if request.content_type() == KNOWN[2] {
            return self.apply(target, request, body);
        }
        let name = target.name.as_deref().unwrap_or_default();
        let old = self
            .copy(target.kind, &target.namespace, name)
            .ok_or_else(|| Refusal::not_found(target.kind, name))?;
        let mut new = old.clone();
        match request.content_type() {
            "application/merge-patch+json" => json_patch::merge(&mut new, &body),
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_value(body).map_err(|error| {
                    Refusal::bad_request(format!("error decoding patch: {error}"))
                })?;
                json_patch::patch(&mut new, &patch.0).map_err(|error| {
                    Refusal::new(422, "Invalid", format!("the server rejected our request due to an error in our request: {error}"))
                })?;
            }
            _ => return Err(unsupported_media(&KNOWN)),
        }
        write::check_type(target.kind, &mut new)?;
        write::decode(
            target.kind,
            &new,
            request.param("fieldValidation") == "Ignore",
        )?;
        let writer = Writer::by(&request.manager(), request.dry_run());
        self.replace(target, &old, new, &writer)
    }

    fn apply(
        &mut self,
        target: &Target,
        request: &Request,
        mut applied: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let kind = target.kind;
        let manager = request.param("fieldManager").to_owned();
        if manager.is_empty() {
            return Err(Refusal::new(
                422,
                "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        for field in ["apiVersion", "kind"] {
            if json::text(&applied, &format!("/{field}")).is_empty() {
                return Err(Refusal::bad_request(format!(
                    "{field} must be set in an apply patch"
                )));
            }
        }
        write::check_type(kind, &mut applied)?;
        if json::has(&applied, "/metadata/managedFields") {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        check_fields(target, &applied)?;
        let name = target.name.as_deref().unwrap_or_default();
        if json::name(&applied) != name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({name})",
                json::name(&applied)
            )));
        }
        let live = self.copy(kind, &target.namespace, name);
        let (new, managed) = self.merged(target, request, live.as_ref(), &applied)?;
        let writer = Writer::apply(managed, request.dry_run());
        match live {
            Some(live) => self.replace(target, &live, new, &writer),
            None if target.subresource.is_some() => Err(Refusal::not_found(kind, name)),
            None => self.create_object(target, new, &writer),
        }
    }

    /// The object after an apply, and who manages what then.
    fn merged(
        &self,
        target: &Target,
        request: &Request,
        live: Option<&Value>,
        applied: &Value,
    ) -> Result<(Value, Value), Refusal> {
        let empty = json!({});
        let manager = request.param("fieldManager");
        let subresource = target.subresource.as_deref().unwrap_or_default();
        let wanted = fields::leaves(applied);
        let mut managed = live.map(read).unwrap_or_default();
        let own = managed.iter().position(|entry| {
            entry.manager == manager
                && entry.operation == "Apply"
                && entry.subresource == subresource
        });
        let before = own
            .map(|at| managed.remove(at))
            .map(|entry| entry.paths)
            .unwrap_or_default();
        let differs =
            |path: &Path| fields::at(live.unwrap_or(&empty), path) != fields::at(applied, path);
        let taken: BTreeSet<Path> = wanted
            .iter()
            .filter(|path| differs(path))
            .cloned()
            .collect();
        if !request.flag("force") {
            refuse_conflicts(target, &managed, &taken)?;
        }
        for entry in &mut managed {
            entry.paths.retain(|path| !taken.contains(path));
        }
        let mut new = live.cloned().unwrap_or_else(|| json!({}));
        for path in before.difference(&wanted) {
            if managed.iter().all(|entry| !entry.paths.contains(path)) {
                fields::remove(&mut new, path);
            }
        }
        fields::merge(&mut new, applied, "");
        let time = if before == wanted && taken.is_empty() {
            live.map(|live| applied_at(live, manager))
                .unwrap_or_default()
        } else {
            self.clock.text()
        };
        managed.push(Managed {
            manager: manager.to_owned(),
            operation: "Apply".to_owned(),
            subresource: subresource.to_owned(),
            time,
            paths: wanted,
        });
        let mut holder = new.clone();
        write_back(&mut holder, managed);
        Ok((new, holder["metadata"]["managedFields"].take()))
    }
}

/// When a manager applied last.
fn applied_at(live: &Value, manager: &str) -> String {
    let entry = read(live)
        .into_iter()
        .find(|entry| entry.manager == manager && entry.operation == "Apply");
    entry.map(|entry| entry.time).unwrap_or_default()
}

fn refuse_conflicts(
    target: &Target,
    managed: &[Managed],
    taken: &BTreeSet<Path>,
) -> Result<(), Refusal> {
    let mut refusal = Refusal::new(409, "Conflict", "");
    let mut words = Vec::new();
    for entry in managed {
        for path in entry.paths.intersection(taken) {
            let field = fields::display(path);
            let by = format!(
                "conflict with {:?} using {}",
                entry.manager,
                target.kind.api_version()
            );
            refusal = refusal.with_cause("FieldManagerConflict", &field, &by);
            words.push(format!("{by}: {field}"));
        }
    }
    match words.as_slice() {
        [] => Ok(()),
        [one] => {
            refusal.message = format!("Apply failed with 1 conflict: {one}");
            Err(refusal)
        }
        many => {
            refusal.message = format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                many.join("\n")
            );
            Err(refusal)
        }
    }
}

/// Fields that the schema does not have, in the words of an apply.
fn check_fields(target: &Target, applied: &Value) -> Result<(), Refusal> {
    let why = match target.kind.check(applied) {
        Ok(()) => return Ok(()),
        Err(Undecodable::Type(why)) => why,
        Err(Undecodable::Unknown(fields)) => {
            format!(".{}: field not declared in schema", fields.join(", ."))
        }
    };
    Err(Refusal::new(
        500,
        "",
        format!(
            "failed to create typed patch object ({}/{}; {}, Kind={}): {why}",
            target.namespace,
            target.name.as_deref().unwrap_or_default(),
            target.kind.api_version(),
            target.kind.info().name,
        ),
    ))
}
