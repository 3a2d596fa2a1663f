//! Stacks that mean harm, and good ones that were changed at random.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "the time a refusal takes is what is tested"
)]

use std::time::{Duration, Instant};

use maestro_domain::{Stack, stack::MAX_DOCUMENT_BYTES};
use proptest::{prelude::*, test_runner::RngSeed};

const GOOD: &str = include_str!("fixtures/services.yaml");
const SMALLEST: &str =
    "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {name: a}\nspec: {}\n";

#[test]
fn hostile_documents_are_refused_quickly() {
    let runs = |text: &str| GOOD.replace("[make, check]", text);
    let bomb = (1..40).fold("a0: &a0 [x, x, x]\n".to_owned(), |text, n| {
        let before = format!("*a{}", n - 1);
        text + &format!("a{n}: &a{n} [{}]\n", [before.as_str(); 9].join(", "))
    });
    let anchors: String = (0..20_000).map(|n| format!("- &a{n} x\n")).collect();
    let hostile = [
        "a".repeat(MAX_DOCUMENT_BYTES + 1),
        "[".repeat(MAX_DOCUMENT_BYTES),
        "{a: ".repeat(60_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "'".repeat(MAX_DOCUMENT_BYTES),
        format!("\"{}", "\\".repeat(200_000)),
        "!".repeat(200_000),
        "&a ".repeat(80_000),
        "---\n".repeat(60_000),
        "\n".repeat(MAX_DOCUMENT_BYTES - 1),
        "#".repeat(MAX_DOCUMENT_BYTES),
        bomb,
        anchors,
        format!("a: &a {{b: c}}\n{}", "<<: *a\n".repeat(30_000)),
        format!("{SMALLEST}extra: [{}]", "1,".repeat(100_000)),
        runs(&format!("[{}]", "[".repeat(5_000))),
        GOOD.replace("src/**", &"{a,".repeat(50_000)),
        GOOD.replace("src/**", &"{a,".repeat(60)),
        GOOD.replace("[\"src/**\"]", &format!("[{}]", "'**/*',".repeat(9_000))),
        GOOD.replace("issue.number > 3", &"(".repeat(1_900)),
        GOOD.replace("{{ issue.title }}", &"{{ a }} {{".repeat(10_000)),
    ];
    for text in hostile {
        let started = Instant::now();
        let error = Stack::parse(&text).expect_err("a hostile document");
        let took = started.elapsed();
        let head: String = text.chars().take(30).collect();
        assert!(took < Duration::from_secs(10), "{head:?} took {took:?}");
        assert!(error.message.len() < 400, "{head:?}: {error}");
        let placed = error.line > 0 || text.len() > MAX_DOCUMENT_BYTES;
        assert!(placed, "{head:?}: {error}");
    }
}

/// One change of a document.
#[derive(Debug, Clone)]
enum Change {
    Delete { at: usize, length: usize },
    Insert { at: usize, what: &'static str },
    Repeat { at: usize, length: usize },
    Truncate { at: usize },
}

const PIECES: &[&str] = &[
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "#",
    "&a ",
    "*a",
    "!!int ",
    "|",
    ">",
    "{{",
    "}}",
    "null",
    "true",
    "0",
    "-1",
    "é",
    "\u{202e}",
    "\0",
    "---\n",
    "<<: ",
    "? ",
    "%",
    "@",
    "`",
    "name: x\n",
    "when: \"1/0 == 1\"\n",
    "**",
    "[!",
    "999999999999h",
];

fn change() -> impl Strategy<Value = Change> {
    let at = || 0..GOOD.len();
    prop_oneof![
        (at(), 1..40_usize).prop_map(|(at, length)| Change::Delete { at, length }),
        (at(), prop::sample::select(PIECES)).prop_map(|(at, what)| Change::Insert { at, what }),
        (at(), 1..200_usize).prop_map(|(at, length)| Change::Repeat { at, length }),
        at().prop_map(|at| Change::Truncate { at }),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let chars: Vec<char> = text.chars().collect();
    let part = |from: usize, to: usize| -> String {
        let to = to.min(chars.len());
        chars[from.min(to)..to].iter().collect()
    };
    let end = chars.len();
    match *change {
        Change::Delete { at, length } => part(0, at) + &part(at + length, end),
        Change::Insert { at, what } => part(0, at) + what + &part(at, end),
        Change::Repeat { at, length } => part(0, at + length) + &part(at, end),
        Change::Truncate { at } => part(0, at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_mutation_panics_and_every_mistake_has_a_place(
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let text = changes.iter().fold(GOOD.to_owned(), |text, one| changed(&text, one));
        if let Err(error) = Stack::parse(&text) {
            let lines = text.lines().count() as u64 + 1;
            prop_assert!((1..=lines).contains(&error.line) && error.column >= 1, "{error}");
            prop_assert!((10..400).contains(&error.message.len()), "{error}");
            prop_assert!(!error.message.contains(char::is_control), "{error:?}");
        }
    }
}
