//! From raw bytes to JSON text, and the cheap look at it before it is stored.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    error::BodyError,
    json,
    source::{Encoding, Outline},
};

/// The JSON text of a body.
pub(crate) fn text(encoding: Encoding, body: &[u8]) -> Result<Cow<'_, str>, BodyError> {
    match encoding {
        Encoding::Json => str::from_utf8(body)
            .map(Cow::Borrowed)
            .map_err(|_| BodyError::Encoding),
        Encoding::Form => form_payload(body),
    }
}

/// The only `payload` field of a form. Decoded here because the usual crate replaces bytes that
/// are not UTF-8 instead of refusing them.
fn form_payload(body: &[u8]) -> Result<Cow<'_, str>, BodyError> {
    let mut fields = body
        .split(|&byte| byte == b'&')
        .filter_map(|field| field.strip_prefix(b"payload="));
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(BodyError::Form);
    };
    String::from_utf8(unescape(field))
        .map(Cow::Owned)
        .map_err(|_| BodyError::Encoding)
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'+', _) => (b' ', tail),
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', tail),
            },
            (&other, _) => (other, tail),
        };
        text.push(byte);
        rest = tail;
    }
    text
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    repository: Option<RepositoryName<'a>>,
}

#[derive(Deserialize)]
struct RepositoryName<'a> {
    #[serde(borrow)]
    full_name: Option<Cow<'a, str>>,
}

/// Longest owner and name together that goes into a subject, in bytes.
const MAX_FULL_NAME: usize = 256;

/// Checks that a body is one JSON object and finds `repository.full_name`.
pub(crate) fn outline(encoding: Encoding, body: &[u8]) -> Result<Outline, BodyError> {
    let text = text(encoding, body)?;
    let full_name = match serde_json::from_str::<Names<'_>>(&text) {
        Ok(names) => names.repository.and_then(|it| it.full_name),
        Err(_) => {
            // A repository of another shape is for `reduce` to complain about.
            serde_json::from_str::<IgnoredAny>(&text).map_err(|error| json::syntax(&error))?;
            None
        }
    };
    if !text.trim_ascii_start().starts_with('{') {
        return Err(BodyError::NotAnObject);
    }
    if json::too_deep(&text) {
        return Err(BodyError::TooDeep {
            max: json::MAX_DEPTH,
        });
    }
    Ok(Outline {
        repository: full_name.as_deref().and_then(split_full_name),
    })
}

fn split_full_name(full_name: &str) -> Option<(String, String)> {
    let (owner, name) = full_name.split_once('/')?;
    let fits = full_name.len() <= MAX_FULL_NAME
        && !owner.is_empty()
        && !name.is_empty()
        && !name.contains('/');
    fits.then(|| (owner.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline_of(body: &str) -> Result<Outline, BodyError> {
        outline(Encoding::Json, body.as_bytes())
    }

    fn shop() -> Outline {
        Outline {
            repository: Some(("acme".to_owned(), "shop.js".to_owned())),
        }
    }

    #[test]
    fn the_repository_is_found_where_there_is_one() {
        let found = outline_of(r#"{"a":[{}],"repository":{"id":1,"full_name":"acme/shop.js"}}"#);
        assert_eq!(found, Ok(shop()));
        assert_eq!(outline_of(r#"{"zen":"ö"}"#), Ok(Outline::default()));
        assert_eq!(outline_of(r#"{"repository":null}"#), Ok(Outline::default()));
    }

    #[test]
    fn an_odd_repository_is_stored_as_none() {
        for odd in [
            r#""acme/shop""#,
            "7",
            r#"{"full_name":7}"#,
            r#"{"full_name":"a/b/c"}"#,
            r#"{"full_name":"a/"}"#,
            "[\"a/b\",\"a/b\"]",
        ] {
            let body = format!(r#"{{"repository":{odd}}}"#);
            assert_eq!(outline_of(&body), Ok(Outline::default()), "{odd}");
        }
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for text in ["[]", "1", "null", "\"{}\"", " [{\"repository\":{}}]"] {
            assert_eq!(outline_of(text), Err(BodyError::NotAnObject), "{text}");
        }
        for text in ["", "{", "{}x", r#"{"repository":7"#, "\u{feff}{}"] {
            assert!(
                matches!(outline_of(text), Err(BodyError::Syntax { .. })),
                "{text}"
            );
        }
        assert_eq!(
            outline(Encoding::Json, b"{\"a\":\"\xff\"}"),
            Err(BodyError::Encoding)
        );
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(
            outline_of(&deep),
            Err(BodyError::TooDeep {
                max: json::MAX_DEPTH
            })
        );
    }

    #[test]
    fn a_form_is_its_payload_field() {
        let form =
            b"payload=%7B%22repository%22%3A+%7B%22full_name%22%3A%22acme%2fshop.js%22%7D%7D";
        assert_eq!(outline(Encoding::Form, form), Ok(shop()));
        assert_eq!(
            text(Encoding::Form, b"x=1&payload=a%2Bb%25+%zz%4&y=2").unwrap(),
            "a+b% %zz%4"
        );
        for bad in ["", "x=1", "payload=%7B%7D&payload=%7B%7D", "Payload=%7B%7D"] {
            assert_eq!(
                outline(Encoding::Form, bad.as_bytes()),
                Err(BodyError::Form),
                "{bad}"
            );
        }
        assert_eq!(
            outline(Encoding::Form, b"payload=%ff"),
            Err(BodyError::Encoding)
        );
    }
}
