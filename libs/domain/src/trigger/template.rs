//! Texts with `{{ path.to.value }}`: look-ups only, no code.

use serde_json::Value;

/// Longest rendered text, in bytes.
const MAX_RENDERED: usize = 256 * 1024;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Path(Vec<String>),
}

/// A template that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("`{{{{` is never closed; write `{{{{ issue.number }}}}`")]
    Unclosed,
    /// What stands between the braces is no path.
    #[error("`{0}` is not a path; write names with dots between them, as in `issue.number`")]
    NotAPath(String),
}

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// When braces are not closed or hold anything but a path.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (path, behind) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Path(parse_path(path)?));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Fills in the values; `None` when one is missing, is no scalar, or the text grows too long.
    #[must_use]
    pub fn render(&self, values: &Value) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Path(path) => write_value(&mut out, look_up(values, path)?)?,
            }
            if out.len() > MAX_RENDERED {
                return None;
            }
        }
        Some(out)
    }
}

fn parse_path(text: &str) -> Result<Vec<String>, TemplateError> {
    let not_a_path = || TemplateError::NotAPath(shown(text));
    let name = |part: &str| {
        let fits = !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| part.to_owned()).ok_or_else(not_a_path)
    };
    text.trim().split('.').map(name).collect()
}

/// Enough of a text to find it.
fn shown(text: &str) -> String {
    let text = text.trim().chars().filter(|c| !c.is_control());
    text.take(60).collect()
}

fn look_up<'v>(values: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(values, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Null is an empty text, as hosts send it for texts that were never written.
fn write_value(out: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Null => {}
        Value::String(text) => out.push_str(text),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(_) | Value::Object(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(text: &str) -> Option<String> {
        let values = json!({"issue": {"number": 7, "title": "{{ issue.number }}", "body": null},
            "labels": [{"name": "bug"}]});
        Template::parse(text).expect("parses").render(&values)
    }

    #[test]
    fn fills_in_scalars_once() {
        assert_eq!(
            render("#{{ issue.number }}: {{issue.title}}"),
            Some("#7: {{ issue.number }}".into())
        );
        assert_eq!(
            render("{{ labels.0.name }}{{ issue.body }}"),
            Some("bug".into())
        );
    }

    #[test]
    fn refuses_what_is_not_there() {
        assert_eq!(render("{{ issue.nope }}"), None);
        assert_eq!(render("{{ issue }}"), None);
        assert_eq!(Template::parse("{{ a"), Err(TemplateError::Unclosed));
        assert!(Template::parse("{{ a + b }}").is_err());
        assert!(Template::parse("{{ }}").is_err());
    }
}
