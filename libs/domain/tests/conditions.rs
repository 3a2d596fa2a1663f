//! Conditions and templates: whatever is written, nothing panics, overflows the stack or takes
//! long.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "the time an evaluation takes is what is tested"
)]

mod common;

use std::time::{Duration, Instant};

use maestro_domain::{
    DeliveryFacts,
    trigger::{Condition, ConditionError, Scope, Template},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn scope(payload: Value) -> Scope {
    Scope::new(&DeliveryFacts {
        payload,
        ..common::delivery("d-1", "push")
    })
}

fn small() -> Scope {
    scope(json!({
        "a": [1, 2, 3], "s": "text", "n": 7, "u": u64::MAX, "l": [{"name": "bug"}, {"name": null}],
        "o": {"p": null, "q": true, "f": 1.5},
    }))
}

/// As large as payloads get: a long list beside a long text.
fn large(items: usize) -> Scope {
    scope(json!({"l": (0..items).collect::<Vec<_>>(), "s": "x".repeat(32_000)}))
}

/// On a stack as small as those of a runtime's threads.
fn evaluate(text: String) -> Result<Result<bool, ConditionError>, String> {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let evaluation = move || Condition::parse(&text).map(|condition| condition.holds(&small()));
    thread.spawn(evaluation).unwrap().join().expect("no panic")
}

#[test]
fn depth_is_bounded() {
    let around = |open: &str, close: &str, n: usize| open.repeat(n) + "1" + &close.repeat(n);
    for n in [5, 20, 24, 25, 30, 60, 100, 300, 600, 990] {
        let deep = [
            around("(", ")", n),
            around("[", "]", n),
            around("{1:", "}", n),
            around("f(", ")", n),
            around("a.map(x,", ")", n),
            around("has(a.", ")", n),
            around("", "+1", n),
            around("", "<1", n),
            around("", "[0]", n),
            around("", ".f()", n),
            around("", " in a", n),
            around("a", ".b", n),
            around("!", "", n),
            around("-", "", n),
            around("!-", "", n),
            around("q?1:", "", n),
            around("q?", ":1", n),
            around("q&&", "", n),
            around("(q||", ")", n),
            around("(1+[", "][0])", n),
            "(".repeat(n),
            "[".repeat(n),
        ];
        for text in deep {
            let outcome = evaluate(text.clone());
            assert!(
                n < 990
                    || outcome.is_err()
                    || outcome == Ok(Err(ConditionError))
                    || text.starts_with(['!', '(']),
                "{text}"
            );
        }
    }
}

#[test]
fn odd_texts_are_refused_or_have_no_answer() {
    let odd = [
        "",
        " ",
        "\0",
        "é",
        "'",
        "'''",
        "\"\\",
        r"'\x'",
        r"'\u12'",
        r"'\U99999999'",
        r"'\uD800'",
        r"b'\400'",
        "`a`",
        "a.`b-c`",
        "@result",
        "a.all(@result, true)",
        "a.all(x)",
        "a.all(1, true)",
        "a.in",
        "for",
        "a.all(for, true)",
        "A{b: 1}",
        "A{b: 1}{c: 2}",
        "a.?b",
        "[?a]",
        "has(a)",
        "has()",
        "1/0 == 1",
        "1%0 == 1",
        "9223372036854775807*2 == 1",
        "-9223372036854775808/-1 == 1",
        "-(-9223372036854775808) == 1",
        "a[-1] == 1",
        "a[9223372036854775807] == 1",
        "a[1.5] == 1",
        "int(1e300) == 1",
        "int(u) == 1",
        "uint(-1) == 1u",
        "s.matches('(')",
        "{null: 1} == {}",
        "{'a': 1, 'a': 2} == {}",
        "o < o",
        "n",
        "n == ",
        "nope",
        "a.nope()",
        "size()",
        "s.size(1)",
        "0xfffffffffffffffffffff",
        "1.0e999999",
        "99999999999999999999u",
        "a.b.c",
        "s[0] == 'a'",
    ];
    for text in odd {
        let outcome = evaluate(text.to_owned());
        assert!(!matches!(outcome, Ok(Ok(true))), "{text:?}: {outcome:?}");
        if let Err(message) = outcome {
            assert!(
                message.starts_with("write ") && message.len() < 300,
                "{message}"
            );
        }
    }
}

#[test]
fn joining_and_patterns_are_bounded_when_they_are_written() {
    let refused = |text: &str| Condition::parse(text).unwrap_err();
    assert!(refused(&"s+".repeat(20)[..39]).contains("at most 8 `+`"));
    assert!(refused("l.map(x, x + x).size() == 1").contains("none inside a loop"));
    assert!(refused("s.matches(s)").contains("in quotes"));
    for pattern in ["(x{50}){50}", r"\\pL+", &"x".repeat(101)] {
        assert!(
            refused(&format!("s.matches('{pattern}')")).contains("pattern"),
            "{pattern}"
        );
    }
    assert_eq!(evaluate("s.matches('^t.x')".to_owned()), Ok(Ok(true)));
    assert_eq!(
        evaluate("'refs/' + s == 'refs/text'".to_owned()),
        Ok(Ok(true))
    );
    assert_eq!(
        evaluate("l.exists(x, x.name == 'bug')".to_owned()),
        Ok(Ok(true))
    );
    assert_eq!(
        evaluate("a.filter(x, x > 1).map(x, x * 2).all(x, x in [4, 6])".to_owned()),
        Ok(Ok(true))
    );
}

#[test]
fn evaluation_is_bounded_for_each_delivery() {
    let condition = |text: &str| Condition::parse(text).unwrap();
    let quadratic = condition("l.all(x, x in l)");
    assert_eq!(quadratic.holds(&large(100)), Ok(true));
    assert_eq!(quadratic.holds(&large(10_000)), Err(ConditionError));
    let copies = condition("l.map(x, s).size() > 0");
    assert_eq!(copies.holds(&large(100)), Ok(true));
    assert_eq!(copies.holds(&large(10_000)), Err(ConditionError));
    let linear = condition("l.all(x, x >= 0)");
    let scope = large(2_000);
    let evaluations = (0..1_000)
        .take_while(|_| linear.holds(&scope) == Ok(true))
        .count();
    assert!(
        (1..100).contains(&evaluations),
        "{evaluations} for one delivery"
    );
}

#[test]
fn the_costliest_evaluations_end_soon() {
    let compared = "l.all(x, ".to_owned() + &"s == s && ".repeat(150) + "true)";
    let searched = "l.all(x, ".to_owned() + &"s.contains('y') || ".repeat(80) + "true)";
    let matched =
        "l.all(x, ".to_owned() + &r"s.matches('^(\\w+\\s)*\\d$') || ".repeat(40) + "true)";
    for text in [compared, searched, matched] {
        let condition = Condition::parse(&text).unwrap();
        for items in [1, 10, 100, 1_000, 10_000] {
            let started = Instant::now();
            let _ = condition.holds(&large(items));
            let took = started.elapsed();
            assert!(
                took < Duration::from_secs(20),
                "{items} items took {took:?}: {text}"
            );
        }
    }
}

#[test]
fn a_template_that_grows_too_long_is_refused() {
    let scope = large(1);
    let long = Template::parse(&"{{ s }}".repeat(20)).unwrap();
    assert_eq!(scope.render(&long), None);
    let longest = Template::parse(&"{{ s }}".repeat(8)).unwrap();
    assert_eq!(
        scope.render(&longest).map(|text| text.len()),
        Some(8 * 32_000)
    );
    for text in [
        "{{",
        "{{}}",
        "{{ . }}",
        "{{ a..b }}",
        "{{ a }",
        "{{ {{ a }} }}",
        "{{ a\n.b }}",
    ] {
        assert!(Template::parse(text).is_err(), "{text}");
    }
    let deep = Template::parse(&format!("{{{{ s{} }}}}", ".x".repeat(50_000))).unwrap();
    assert_eq!(scope.render(&deep), None);
}

const PIECES: &[&str] = &[
    "a", "s", "n", "l", "o", ".", "(", ")", "[", "]", "{", "}", "?", ":", "+", "-", "*", "/", "%",
    "&&", "||", "!", "==", "<", " in ", "1", "1u", "1.5", "0x", "'x'", "\"", "'", "\\", "b'", "r'",
    "true", "null", "has(", ".all(x,", ".map(x,", ".exists(", ".size()", "matches(", "string(",
    "int(", "type(", ",", "x", "@", "`", "//", "\n", "é", "\0", "e9", "u", " ", ".?", "[?", "A{",
    "{{", "}}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..25)) {
        let text = pieces.concat();
        if let Ok(condition) = Condition::parse(&text) {
            let _ = condition.holds(&small());
        }
        if let Ok(template) = Template::parse(&text) {
            let _ = small().render(&template);
        }
    }
}
