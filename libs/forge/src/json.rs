//! JSON from outside: bounded in depth and size, unambiguous, free of NUL.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::BodyError;

/// Deepest accepted nesting.
pub(crate) const MAX_DEPTH: usize = 64;

/// Most values (scalars, arrays and objects) in one payload; each takes some 32 bytes of memory.
pub(crate) const MAX_VALUES: usize = 2_000_000;

/// Parses one object.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, BodyError> {
    let mut budget = Budget {
        values: MAX_VALUES,
        problem: None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Node {
        depth: 0,
        budget: &mut budget,
    };
    let parsed = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(BodyError::NotAnObject),
        Err(error) => Err(budget.problem.unwrap_or_else(|| syntax(&error))),
    }
}

/// Where the text stops being JSON.
pub(crate) fn syntax(error: &serde_json::Error) -> BodyError {
    BodyError::Syntax {
        line: error.line(),
        column: error.column(),
    }
}

/// Whether brackets outside strings nest deeper than [`MAX_DEPTH`]. Meant for text that is JSON;
/// for other text the answer means nothing.
pub(crate) fn too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'"' => rest = behind_string(behind),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What follows the string that these bytes begin in; most of a payload is strings.
fn behind_string(mut bytes: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', bytes) {
        if bytes[at] == b'"' {
            return &bytes[at + 1..];
        }
        bytes = bytes.get(at + 2..).unwrap_or_default();
    }
    &[]
}

struct Budget {
    values: usize,
    problem: Option<BodyError>,
}

impl Budget {
    fn refuse<E: Error>(&mut self, problem: BodyError) -> E {
        self.problem = Some(problem);
        E::custom("refused")
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            return Err(self.refuse(BodyError::Nul));
        }
        Ok(())
    }
}

struct Node<'b> {
    depth: usize,
    budget: &'b mut Budget,
}

impl Node<'_> {
    fn inner(&mut self) -> Node<'_> {
        Node {
            depth: self.depth + 1,
            budget: self.budget,
        }
    }

    fn enter<E: Error>(&mut self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.budget.refuse(BodyError::TooDeep { max: MAX_DEPTH }));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.budget.values.checked_sub(1) {
            Some(left) => self.budget.values = left,
            None => {
                return Err(self
                    .budget
                    .refuse(BodyError::TooManyValues { max: MAX_VALUES }));
            }
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.budget.text(value)?;
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.budget.text(&key)?;
            let value = entries.next_value_seed(self.inner())?;
            if object.insert(key, value).is_some() {
                return Err(self.budget.refuse(BodyError::DuplicateKey));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_reads_is_read_the_same() {
        let text =
            r#"{"a":[1,-2,2.5,1e3,true,null,"ä\n\"\\é"],"b":{"c":{}},"d":99999999999999999999}"#;
        assert_eq!(
            Value::Object(parse(text).unwrap()),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn hostile_json_is_refused_by_name() {
        let nested = |levels: usize| {
            format!(
                "{}{}{}",
                "{\"a\":".repeat(levels - 1),
                "{}",
                "}".repeat(levels - 1)
            )
        };
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        let cases = [
            (nested(MAX_DEPTH + 1), BodyError::TooDeep { max: MAX_DEPTH }),
            (nested(100_000), BodyError::TooDeep { max: MAX_DEPTH }),
            (r#"{"a":1,"a":1}"#.to_owned(), BodyError::DuplicateKey),
            (
                r#"{"a":{"b":1,"\u0062":2}}"#.to_owned(),
                BodyError::DuplicateKey,
            ),
            (r#"{"a":"\u0000"}"#.to_owned(), BodyError::Nul),
            (r#"{"\u0000":1}"#.to_owned(), BodyError::Nul),
            ("[]".to_owned(), BodyError::NotAnObject),
            ("\"{}\"".to_owned(), BodyError::NotAnObject),
            (
                format!("{{\"a\":[{}1]}}", "1,".repeat(MAX_VALUES)),
                BodyError::TooManyValues { max: MAX_VALUES },
            ),
        ];
        for (text, expected) in cases {
            let shown: String = text.chars().take(60).collect();
            assert_eq!(parse(&text).unwrap_err(), expected, "{shown}");
        }
        for text in [
            "",
            "{",
            "{} {}",
            "{'a':1}",
            "{\"a\":1e999}",
            "{\"a\":\"\0\"}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(
                matches!(parse(text), Err(BodyError::Syntax { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn brackets_in_strings_are_not_depth() {
        let text = format!(
            r#"{{"a":"{}","b":"\\\"{}"}}"#,
            "[".repeat(200),
            "{".repeat(200)
        );
        assert!(!too_deep(&text));
        assert!(too_deep(&"[".repeat(MAX_DEPTH + 1)));
    }

    /// One byte after the other.
    fn depth_reaches(text: &str, limit: usize) -> bool {
        let (mut depth, mut string, mut escaped) = (0_usize, false, false);
        text.bytes().any(|byte| {
            match (string, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (true, b'"') => string = false,
                (false, b'"') => string = true,
                (false, b'[' | b'{') => depth += 1,
                (false, b']' | b'}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > limit
        })
    }

    proptest::proptest! {
        #[test]
        fn skipping_strings_changes_nothing(text in r#"(\[{1,40}|[\[\]{}"\\ä]{0,6}|"[^"]{0,9}"){0,20}"#) {
            proptest::prop_assert_eq!(too_deep(&text), depth_reaches(&text, MAX_DEPTH));
        }
    }
}
