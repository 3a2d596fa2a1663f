//! Cuts a payload down to what may stay in memory, keeping its shape.

use std::io;

use maestro_domain::delivery::MAX_PAYLOAD_BYTES;
use serde_json::{Map, Value};

/// What one step leaves of a payload. Texts and keys in bytes.
#[derive(Clone, Copy)]
struct Limits {
    text: usize,
    items: usize,
    keys: usize,
    depth: usize,
}

/// Gentle to harsh; the first that fits is taken.
const STEPS: [Limits; 9] = [
    step(48 * 1024, 512, 512, 32),
    step(32 * 1024, 256, 512, 24),
    step(16 * 1024, 128, 256, 16),
    step(8 * 1024, 64, 256, 12),
    step(4 * 1024, 32, 256, 10),
    step(1024, 16, 128, 8),
    step(256, 8, 64, 6),
    step(128, 4, 64, 4),
    step(64, 2, 32, 3),
];

const fn step(text: usize, items: usize, keys: usize, depth: usize) -> Limits {
    Limits {
        text,
        items,
        keys,
        depth,
    }
}

const CUT_MARK: &str = "…";

/// The payload itself where it fits, else with long texts, long arrays and deep values cut, as
/// little as it takes. Depends on nothing but the payload.
pub(crate) fn prune(payload: Value) -> Value {
    if fits(&payload) {
        return payload;
    }
    for limits in &STEPS {
        let cut = limits.cut(&payload, 0);
        if fits(&cut) {
            return cut;
        }
    }
    first_entries(&payload, STEPS[STEPS.len() - 1])
}

impl Limits {
    fn cut(&self, value: &Value, depth: usize) -> Value {
        match value {
            Value::String(text) => self.cut_text(text).into(),
            Value::Array(_) | Value::Object(_) if depth >= self.depth => Value::Null,
            Value::Array(items) => items
                .iter()
                .take(self.items)
                .map(|item| self.cut(item, depth + 1))
                .collect(),
            Value::Object(entries) => entries
                .iter()
                .filter(|(key, _)| key.len() <= self.text)
                .take(self.keys)
                .map(|(key, value)| (key.clone(), self.cut(value, depth + 1)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn cut_text(&self, text: &str) -> String {
        if text.len() <= self.text {
            return text.to_owned();
        }
        let end = text.floor_char_boundary(self.text);
        format!("{}{CUT_MARK}", &text[..end])
    }
}

/// The entries that fit, one after the other, each cut by `limits`: the way out for payloads that
/// no step makes small enough.
fn first_entries(payload: &Value, limits: Limits) -> Value {
    let mut kept = Map::new();
    let mut left = MAX_PAYLOAD_BYTES - "{}".len();
    for (key, value) in payload.as_object().into_iter().flatten() {
        let value = limits.cut(value, 1);
        let entry = length(key) + length(&value) + ":,".len();
        if entry <= left {
            left -= entry;
            kept.insert(key.clone(), value);
        }
    }
    Value::Object(kept)
}

fn fits(value: &Value) -> bool {
    length(value) <= MAX_PAYLOAD_BYTES
}

/// Length of the JSON text in bytes; counting stops behind [`MAX_PAYLOAD_BYTES`].
fn length<T: serde::Serialize + ?Sized>(value: &T) -> usize {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => MAX_PAYLOAD_BYTES + 1,
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        if self.0 > MAX_PAYLOAD_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_untouched() {
        let payload = json!({"issue": {"title": "t", "body": "b".repeat(60_000)}});
        assert_eq!(prune(payload.clone()), payload);
    }

    #[test]
    fn long_texts_go_first_and_short_ones_stay() {
        let cut = prune(json!({"issue": {"title": "title", "body": "ä".repeat(40_000)}, "n": 7}));
        assert_eq!(cut["issue"]["title"], "title");
        assert_eq!(cut["n"], 7);
        let body = cut["issue"]["body"].as_str().unwrap();
        assert!(
            body.ends_with("ä…") && body.len() > 48_000,
            "{}",
            body.len()
        );
    }

    #[test]
    fn long_arrays_and_deep_values_are_cut() {
        let commit = json!({"id": "0".repeat(40), "added": vec!["src/lib.rs"; 50]});
        let cut = prune(json!({"ref": "refs/heads/main", "commits": vec![commit; 2048]}));
        assert_eq!(cut["ref"], "refs/heads/main");
        assert_eq!(cut["commits"][0]["id"], "0".repeat(40));
        assert!(fits(&cut));
    }

    #[test]
    fn even_the_worst_shapes_fit() {
        let wide: Map<String, Value> = (0..50_000)
            .map(|n| (n.to_string(), json!("\u{1}".repeat(400))))
            .collect();
        let keys: Map<String, Value> = (0..40)
            .map(|n| (format!("{n}{}", "\u{1}".repeat(5000)), json!(1)))
            .collect();
        let bushy = (0..3).fold(json!("\u{1}".repeat(64)), |inner, _| {
            (0..32)
                .map(|n| (n.to_string(), inner.clone()))
                .collect::<Map<_, _>>()
                .into()
        });
        for shape in [
            json!({"a": wide}),
            Value::Object(wide),
            Value::Object(keys),
            json!({"z": bushy, "a": 1}),
        ] {
            let cut = prune(shape);
            assert!(cut.is_object() && fits(&cut));
        }
    }
}
