//! Random secrets that are handed out once and kept as digests only.

use std::fmt;

use maestro_domain::Digest;
use zeroize::Zeroizing;

/// 32 random bytes; 64 hex digits in text. Never shown by `Debug`.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Draws a fresh one.
    #[must_use]
    pub(crate) fn random() -> Self {
        let bytes = Zeroizing::new(rand::random::<[u8; 32]>());
        Self(Zeroizing::new(hex::encode(bytes.as_slice())))
    }

    /// Reads one that a caller presents; `None` for anything but 64 hex digits.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed.then(|| Self(Zeroizing::new(text.to_ascii_lowercase())))
    }

    /// The text to hand out.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What may be stored.
    #[must_use]
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_survive_text_but_not_debug() {
        let (one, other) = (Secret::random(), Secret::random());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(
            Secret::parse(one.expose()).map(|s| s.digest()),
            Some(one.digest())
        );
        assert!(!format!("{one:?}").contains(one.expose()));
    }

    #[test]
    fn only_64_hex_digits_are_a_secret() {
        for bad in ["", "abc", &"g".repeat(64), &"a".repeat(65), &"ä".repeat(32)] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }
}
