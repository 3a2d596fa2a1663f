//! Whatever is in a body, reading it ends in facts within bounds or in a typed error.

#![allow(clippy::unwrap_used)]

use maestro_domain::{DeliveryFacts, Timestamp, delivery::MAX_PAYLOAD_BYTES, ids::Provider};
use maestro_forge::{Encoding, Received, ReduceError, Source, source};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

fn github() -> &'static dyn Source {
    let provider: Provider = "github".parse().unwrap();
    source(&provider).unwrap()
}

fn reduce(event: &str, encoding: Encoding, body: &[u8]) -> Result<DeliveryFacts, ReduceError> {
    github().reduce(&Received {
        id: &"d-1".parse().unwrap(),
        event,
        encoding,
        body,
        received_at: Timestamp::from_millis(0),
    })
}

fn assert_bounded(facts: &DeliveryFacts) {
    assert!(serde_json::to_vec(&facts.payload).unwrap().len() <= MAX_PAYLOAD_BYTES);
    assert!(facts.payload.is_object());
    assert!(facts.paths.len() <= 3000 && facts.labels.len() <= 100);
    assert!(facts.paths.iter().map(String::len).sum::<usize>() <= 256 * 1024);
    assert!(facts.identity.iter().all(|part| part.len() <= 256));
}

/// What the endpoint refuses can never be reduced: nothing acceptable is turned away.
fn assert_consistent(event: &str, encoding: Encoding, body: &[u8]) {
    let reduced = reduce(event, encoding, body);
    if let Ok(facts) = &reduced {
        assert_bounded(facts);
        assert!(github().outline(encoding, body).is_ok());
    }
    assert_eq!(reduced, reduce(event, encoding, body));
}

const EVENTS: [&str; 6] = [
    "push",
    "issues",
    "pull_request",
    "check_run",
    "create",
    "odd",
];

/// Names the reducer looks at, so that random values land where they can hurt.
const FIELDS: [&str; 14] = [
    "action",
    "issue",
    "pull_request",
    "label",
    "labels",
    "name",
    "repository",
    "full_name",
    "id",
    "sender",
    "login",
    "ref",
    "commits",
    "added",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        (0_usize..30_000).prop_map(|n| "ä\"".repeat(n).into()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 64, 8, |inner| {
        let field = prop::sample::select(&FIELDS[..]);
        let fields = vec((field, inner.clone()), 0..8);
        prop_oneof![
            vec(inner, 0..8).prop_map(Value::from),
            fields.prop_map(|pairs| {
                let pairs = pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value));
                pairs.collect::<Map<_, _>>().into()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(body in vec(any::<u8>(), 0..400), form: bool) {
        let encoding = if form { Encoding::Form } else { Encoding::Json };
        assert_consistent("push", encoding, &body);
    }

    #[test]
    fn any_json(value in value(), event in prop::sample::select(&EVENTS[..])) {
        assert_consistent(event, Encoding::Json, value.to_string().as_bytes());
    }

    #[test]
    fn a_form_reads_like_its_json(value in value(), event in prop::sample::select(&EVENTS[..])) {
        let json = value.to_string();
        let form = format!("payload={}", escaped(&json));
        let from_json = reduce(event, Encoding::Json, json.as_bytes());
        let from_form = reduce(event, Encoding::Form, form.as_bytes());
        match (from_json, from_form) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, DeliveryFacts { body: a_digest(&json), ..b }),
            (a, b) => prop_assert_eq!(a.map(|_| ()), b.map(|_| ())),
        }
    }

    #[test]
    fn broken_json(value in value(), at: prop::sample::Index, byte: u8) {
        let mut body = value.to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        assert_consistent("issues", Encoding::Json, &body);
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('&', "%26")
        .replace('+', "%2B")
        .replace(' ', "+")
}

fn a_digest(text: &str) -> maestro_domain::Digest {
    maestro_domain::Digest::of(text.as_bytes())
}

#[test]
fn a_push_of_very_many_files_is_bounded() {
    let paths: Vec<String> = (0..200)
        .map(|n| format!("src/{n}/{}", "x".repeat(40)))
        .collect();
    let commits: Vec<Value> = (0..2048)
        .map(|n| json!({"id": format!("{n:040x}"), "added": paths, "modified": [format!("m{n}")], "removed": paths}))
        .collect();
    let body = json!({"ref": "refs/heads/main", "after": "a".repeat(40), "commits": commits});
    let facts = reduce("push", Encoding::Json, body.to_string().as_bytes()).unwrap();
    assert_bounded(&facts);
    assert_eq!(facts.paths.len(), 200 + 2048);
    assert_eq!(facts.paths[200], "m0");
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    for (event, body, field) in [
        ("issues", json!({"action": 7}), "/action"),
        (
            "issues",
            json!({"repository": {"id": "7"}}),
            "/repository/id",
        ),
        (
            "issues",
            json!({"repository": {"id": 7}}),
            "/repository/full_name",
        ),
        ("issues", json!({"sender": {"id": 1.5}}), "/sender/id"),
        (
            "issues",
            json!({"issue": {"labels": [{}]}}),
            "/issue/labels",
        ),
        ("push", json!({"ref": "x".repeat(2000)}), "/ref"),
        ("push", json!({"commits": [{"added": [1]}]}), "/commits"),
        ("push", json!({"commits": 1}), "/commits"),
    ] {
        let error = reduce(event, Encoding::Json, body.to_string().as_bytes()).unwrap_err();
        assert!(
            matches!(error, ReduceError::Field { field: at, .. } if at == field),
            "{error}"
        );
    }
}
