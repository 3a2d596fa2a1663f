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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_token(text: &str) -> bool {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~'))
    }

    #[test]
    fn hostile_names_come_back() {
        let names = [
            "", "_", "~", "~5F", ".", "a.b", "a b", "*", ">", "\r\n", "\0", "ünï", "__",
        ];
        for name in names {
            let token = escape(name);
            assert!(is_token(&token), "{token}");
            assert_ne!(token, "_");
            assert_eq!(unescape(&token).as_deref(), Some(name));
        }
        assert_eq!(escape("acme-2_x"), "acme-2_x");
    }

    #[test]
    fn what_escape_never_wrote_is_refused() {
        for token in ["~5", "~zz", "a~", "~FF"] {
            assert_eq!(unescape(token), None, "{token}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_token_and_comes_back(text in "\\PC*|(?s).*") {
            let token = escape(&text);
            prop_assert!(is_token(&token));
            prop_assert_eq!(unescape(&token), Some(text));
        }

        #[test]
        fn tokens_are_short_and_differ(one in "(?s).{0,400}", other in "(?s).{0,400}") {
            prop_assert!(is_token(&token(&one)) && token(&one).len() <= MAX_TOKEN);
            prop_assert_eq!(one == other, token(&one) == token(&other));
        }
    }
}
