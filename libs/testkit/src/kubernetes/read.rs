//! Get and list.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    refusal::Refusal,
    request::{Request, Target},
    selector::Selector,
    state::State,
};

impl State {
    /// # Errors
    /// 404 without such an object; 504 for a revision that does not exist yet.
    pub(crate) fn read(&self, target: &Target, request: &Request) -> Result<Arc<Value>, Refusal> {
        self.not_older(request)?;
        let name = target.name.as_deref().unwrap_or_default();
        self.get(target.kind, &target.namespace, name)
            .cloned()
            .ok_or_else(|| Refusal::not_found(target.kind, name))
    }

    /// # Errors
    /// 400 for wrong parameters, 410 for a token that is too old.
    pub(crate) fn page(&mut self, target: &Target, request: &Request) -> Result<Value, Refusal> {
        let selector = self.selector(target, request)?;
        let limit = request.number("limit")?.unwrap_or(0);
        let limit =
            usize::try_from(limit).map_err(|_| Refusal::bad_request("limit must be positive"))?;
        let (revision, mut all) = match request.param("continue") {
            "" => {
                self.revision_wanted(request)?;
                let all = self.list(target.kind, &target.namespace);
                let all = all.filter(|object| selector.matches(object)).cloned();
                (self.revision, all.collect::<Vec<_>>())
            }
            token => self.resume(token, request)?,
        };
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if limit > 0 && all.len() > limit {
            let rest = all.split_off(limit);
            let plain = request.param("labelSelector").is_empty()
                && request.param("fieldSelector").is_empty();
            if plain {
                metadata["remainingItemCount"] = rest.len().into();
            }
            let number = self.pages.last_key_value().map_or(1, |(last, _)| last + 1);
            self.pages.insert(number, (revision, rest));
            metadata["continue"] = URL_SAFE_NO_PAD.encode(number.to_string()).into();
        }
        Ok(json!({
            "kind": format!("{}List", target.kind.info().name),
            "apiVersion": target.kind.api_version(),
            "metadata": metadata,
            "items": all.iter().map(|object| without_type(object)).collect::<Vec<_>>(),
        }))
    }

    /// The request's selector.
    ///
    /// # Errors
    /// 400 for one that cannot be read.
    pub(crate) fn selector(&self, target: &Target, request: &Request) -> Result<Selector, Refusal> {
        let mut fields = request.param("fieldSelector").to_owned();
        if let Some(name) = &target.name {
            fields = format!("metadata.name={name}");
        }
        Selector::parse(target.kind, request.param("labelSelector"), &fields)
    }

    fn resume(&self, token: &str, request: &Request) -> Result<(u64, Vec<Arc<Value>>), Refusal> {
        if !["", "0"].contains(&request.param("resourceVersion")) {
            return Err(Refusal::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let number = URL_SAFE_NO_PAD.decode(token).ok();
        let number = number.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
        let number = number.ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
        self.pages.get(&number).cloned().ok_or_else(|| {
            Refusal::expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.")
        })
    }

    fn revision_wanted(&self, request: &Request) -> Result<(), Refusal> {
        let exact = match request.param("resourceVersionMatch") {
            "" | "NotOlderThan" => false,
            "Exact" => true,
            other => {
                return Err(Refusal::bad_request(format!(
                    "invalid resourceVersionMatch {other:?}"
                )));
            }
        };
        let asked = request.param("resourceVersion");
        if !request.param("resourceVersionMatch").is_empty() && asked.is_empty() {
            return Err(Refusal::bad_request(
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if exact && asked != self.revision.to_string() {
            return Err(Refusal::expired(format!(
                "The resourceVersion for the provided list is too old: {asked}"
            )));
        }
        self.not_older(request)
    }

    fn not_older(&self, request: &Request) -> Result<(), Refusal> {
        let asked = revision(request)?.unwrap_or(0);
        if asked > self.revision {
            return Err(Refusal::new(
                504,
                "Timeout",
                format!(
                    "Too large resource version: {asked}, current: {}",
                    self.revision
                ),
            )
            .with_cause("ResourceVersionTooLarge", "", "Too large resource version")
            .after(1));
        }
        Ok(())
    }
}

/// The revision a request names.
///
/// # Errors
/// 400 for one that is no number.
pub(crate) fn revision(request: &Request) -> Result<Option<u64>, Refusal> {
    match request.param("resourceVersion") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Refusal::bad_request(format!(
                "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))
        }),
    }
}

/// Items of a list do not carry their kind.
fn without_type(object: &Value) -> Value {
    let mut item = object.clone();
    if let Some(fields) = item.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    item
}
