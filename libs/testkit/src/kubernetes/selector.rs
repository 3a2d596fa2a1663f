//! Label and field selectors.

use serde_json::Value;

use super::{json, kind::Kind, refusal::Refusal};

/// What a list or a watch selects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// Pointer, wanted value, whether it must be equal.
    fields: Vec<(String, String, bool)>,
}

#[derive(Debug, Clone)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    /// # Errors
    /// 400, as the API server says it.
    pub(crate) fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let unparsable =
            |why: String| Refusal::bad_request(format!("unable to parse requirement: {why}"));
        let labels = split(labels)
            .into_iter()
            .map(|term| requirement(&term).ok_or_else(|| unparsable(format!("in {term:?}"))))
            .collect::<Result<_, _>>()?;
        let fields = fields
            .split(',')
            .filter(|term| !term.is_empty())
            .map(|term| field(kind, term))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|one| one.matches(object))
            && self.fields.iter().all(|(pointer, wanted, equal)| {
                let found = match object.pointer(pointer) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Bool(value)) => value.to_string(),
                    Some(Value::Number(value)) => value.to_string(),
                    _ => String::new(),
                };
                (found == *wanted) == *equal
            })
    }
}

impl Requirement {
    fn matches(&self, object: &Value) -> bool {
        let value = |key: &str| {
            object["metadata"]["labels"]
                .get(key)
                .and_then(Value::as_str)
        };
        match self {
            Self::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Self::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|w| w != v)),
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
        }
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(letter);
        }
    }
    terms.retain(|term| !term.trim().is_empty());
    terms
}

fn requirement(term: &str) -> Option<Requirement> {
    let term = term.trim();
    let one = |text: &str| vec![text.trim().to_owned()];
    let found = if let Some((key, values)) = term.split_once(" notin ") {
        Requirement::NotIn(key.trim().to_owned(), values_in(values)?)
    } else if let Some((key, values)) = term.split_once(" in ") {
        Requirement::In(key.trim().to_owned(), values_in(values)?)
    } else if let Some((key, value)) = term.split_once("!=") {
        Requirement::NotIn(key.trim().to_owned(), one(value))
    } else if let Some((key, value)) = term.split_once('=') {
        Requirement::In(key.trim().to_owned(), one(value.trim_start_matches('=')))
    } else if let Some(key) = term.strip_prefix('!') {
        Requirement::Absent(key.trim().to_owned())
    } else {
        Requirement::Exists(term.to_owned())
    };
    let (key, values): (&String, &[String]) = match &found {
        Requirement::In(key, values) | Requirement::NotIn(key, values) => (key, values),
        Requirement::Exists(key) | Requirement::Absent(key) => (key, &[]),
    };
    let fits = super::naming::qualified(key).is_ok()
        && values
            .iter()
            .all(|value| super::naming::label_value(value).is_ok());
    fits.then_some(found)
}

fn values_in(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(
        inner
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect(),
    )
}

fn field(kind: Kind, term: &str) -> Result<(String, String, bool), Refusal> {
    let (key, value, equal) = if let Some((key, value)) = term.split_once("!=") {
        (key, value, false)
    } else if let Some((key, value)) = term.split_once('=') {
        (key, value.trim_start_matches('='), true)
    } else {
        return Err(Refusal::bad_request(format!(
            "invalid selector: '{term}'; can't understand '{term}'"
        )));
    };
    let more: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
        ],
        Kind::Job => &["status.successful"],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "reason",
            "type",
        ],
        _ => &[],
    };
    if !["metadata.name", "metadata.namespace"].contains(&key) && !more.contains(&key) {
        return Err(Refusal::bad_request(format!(
            "field label not supported: {key}"
        )));
    }
    let key = if key == "status.successful" {
        "status.succeeded"
    } else {
        key
    };
    Ok((
        format!("/{}", key.replace('.', "/")),
        value.to_owned(),
        equal,
    ))
}

/// Whether a `LabelSelector` with `matchLabels` selects an object.
pub(crate) fn match_labels(selector: &Value, object: &Value) -> bool {
    json::entries(selector, "/matchLabels")
        .all(|(key, value)| object["metadata"]["labels"].get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_fields() {
        let object = json!({"metadata": {"name": "a", "labels": {"app": "shop", "n": "1"}}, "status": {"phase": "Running"}});
        let matches = |labels: &str, fields: &str| {
            Selector::parse(Kind::Pod, labels, fields)
                .unwrap()
                .matches(&object)
        };
        assert!(matches(
            "app=shop,n in (1, 2)",
            "metadata.name=a,status.phase!=Failed"
        ));
        assert!(matches("app,!other,n notin (3),x!=y", ""));
        assert!(!matches("app==other", ""));
        assert!(!matches("", "status.phase=Failed"));
        assert!(Selector::parse(Kind::Pod, "a=b c", "").is_err());
        assert!(Selector::parse(Kind::Pod, "", "spec.hostname=x").is_err());
    }
}
