//! HMAC-SHA-256 signatures over raw bodies.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::SignatureError;

/// A secret shared with a source host, ready to verify with.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Prepares a secret. `None` for an empty one, under which anybody could sign.
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a request claims to be its body's HMAC-SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads `sha256=` followed by 64 hex digits.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let digits = text
            .strip_prefix("sha256=")
            .ok_or(SignatureError::Malformed)?;
        let mut tag = [0; 32];
        hex::decode_to_slice(digits, &mut tag).map_err(|_| SignatureError::Malformed)?;
        Ok(Self(tag))
    }

    /// Whether one of the candidates signed these bytes. Each comparison takes constant time.
    #[must_use]
    pub fn verifies(&self, body: &[u8], candidates: &[Secret]) -> bool {
        candidates.iter().any(|Secret(keyed)| {
            let mut mac = keyed.clone();
            mac.update(body);
            mac.verify_slice(&self.0).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts
            .iter()
            .map(|text| Secret::new(text.as_bytes()).unwrap())
            .collect()
    }

    /// The example of GitHub's page “Validating webhook deliveries”.
    const EXAMPLE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn githubs_documented_example_verifies() {
        let signature = Signature::parse(EXAMPLE).unwrap();
        let secret = secrets(&["It's a Secret to Everybody"]);
        assert!(signature.verifies(b"Hello, World!", &secret));
        assert!(!signature.verifies(b"Hello, World?", &secret));
    }

    #[test]
    fn any_of_several_secrets_will_do_and_none_will_not() {
        let signature = Signature::parse(EXAMPLE).unwrap();
        let rotating = secrets(&["next", "It's a Secret to Everybody"]);
        assert!(signature.verifies(b"Hello, World!", &rotating));
        assert!(!signature.verifies(b"Hello, World!", &secrets(&["next"])));
        assert!(!signature.verifies(b"Hello, World!", &[]));
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        assert!(Secret::new(b"").is_none());
    }

    #[test]
    fn only_sha256_and_64_hex_digits_are_read() {
        let short = &EXAMPLE[..EXAMPLE.len() - 1];
        let long = format!("{EXAMPLE}0");
        let sha1 = EXAMPLE.replace("sha256", "sha1");
        for bad in [
            "",
            "sha256=",
            short,
            &long,
            &sha1,
            &EXAMPLE.replace('7', "g"),
        ] {
            assert_eq!(
                Signature::parse(bad),
                Err(SignatureError::Malformed),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(
            format!("{:?}", secrets(&["hush"])),
            "[Secret(…)]".to_owned()
        );
    }
}
