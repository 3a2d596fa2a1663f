//! Licences that everything we build from may have.

use super::metadata::Metadata;

const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn not_allowed(metadata: &Metadata) -> Vec<String> {
    let packages = metadata
        .packages
        .iter()
        .filter(|package| !is_allowed(&package.licence));
    packages
        .map(|package| format!("{}: {:?} is not allowed", package.name, package.licence))
        .collect()
}

/// Whether one can comply with an SPDX expression using allowed licences only.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words) && words.next().is_none()
}

type Words<'a, 'b> = &'b mut std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: Words<'_, '_>) -> bool {
    let mut allowed = all(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all(words);
    }
    allowed
}

fn all(words: Words<'_, '_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: Words<'_, '_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let allowed = either(words);
        return words.next_if_eq(&")").is_some() && allowed;
    }
    let Some(licence) = words.next() else {
        return false;
    };
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()),
        None => ALLOWED.contains(&licence),
    }
}

#[test]
fn expressions_are_understood() {
    for allowed in [
        "MIT",
        "MIT/GPL-3.0",
        "GPL-2.0 OR MIT AND ISC",
        "(MIT OR GPL-3.0) AND Zlib",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND (GPL-2.0 OR LGPL-3.0)",
        "MIT WITH Classpath-exception-2.0",
        "MIT MIT",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
