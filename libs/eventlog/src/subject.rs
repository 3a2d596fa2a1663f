//! Any text as one token of a subject, and back.

use std::fmt::Write as _;

use maestro_domain::Digest;

/// Longest token that stands in a subject; longer ones are replaced by a digest.
const MAX_TOKEN: usize = 160;

/// Writes any text as one token of a subject: letters, digits, `-` and `_` stand for themselves,
/// every other byte is `~` and two hex digits. A lone `_`, which marks an absent name, is escaped;
/// the empty text is `~`.
#[must_use]
pub fn escape(text: &str) -> String {
    if text.is_empty() {
        return "~".to_owned();
    }
    if text == "_" {
        return "~5F".to_owned();
    }
    let mut token = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            token.push(char::from(byte));
        } else {
            let _ = write!(token, "~{byte:02X}");
        }
    }
    token
}

/// Reads back what [`escape`] wrote; `None` for anything else.
#[must_use]
pub fn unescape(token: &str) -> Option<String> {
    if token == "~" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'~' {
            let (digits, tail) = tail.split_at_checked(2)?;
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte).ok()?;
            bytes.push(byte[0]);
            rest = tail;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A token for a subject: [`escape`]d, or `~` and a digest where that would be too long.
pub(crate) fn token(text: &str) -> String {
    let token = escape(text);
    if token.len() <= MAX_TOKEN {
        return token;
    }
    format!("~{}", Digest::of(text.as_bytes()))
}
