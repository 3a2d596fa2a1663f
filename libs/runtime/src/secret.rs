//! Values that must not be shown.

use std::{
    borrow::Cow,
    fmt,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is shown in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter values would mask ordinary words.
const SHORTEST: usize = 6;

static REGISTERED: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A value whose `Debug`, `Display` and serialised form are `[redacted]`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The value itself: for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// Has `secret` masked in every log line and exported span from now on. A safety net: code is
/// not to log secrets in the first place. Values of fewer than six bytes are not registered.
pub fn register_secret(secret: &str) {
    if secret.len() < SHORTEST {
        return;
    }
    let quoted = serde_json::Value::from(secret).to_string();
    let escaped = quoted.trim_matches('"');
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    for form in [secret, escaped] {
        if !registered.iter().any(|known| known == form) {
            registered.push(form.to_owned());
        }
    }
    // The longest first, or a secret that contains another would be masked in part.
    registered.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

/// `text` with every registered secret replaced by `[redacted]`.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    let mut masked = Cow::Borrowed(text);
    for secret in registered.iter() {
        if masked.contains(secret.as_str()) {
            masked = Cow::Owned(masked.replace(secret.as_str(), REDACTED));
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2hunter2");
        let shown = format!(
            "{secret} {secret:?} {}",
            serde_json::to_string(&secret).unwrap()
        );
        assert_eq!(shown, "[redacted] [redacted] \"[redacted]\"");
    }

    #[test]
    fn registered_values_are_masked_also_when_escaped_or_nested() {
        register_secret("pass\"word-1");
        register_secret("pass\"word-1-longer");
        assert_eq!(mask("a pass\"word-1 b"), "a [redacted] b");
        assert_eq!(mask(r#"{"a":"pass\"word-1"}"#), r#"{"a":"[redacted]"}"#);
        assert_eq!(mask("pass\"word-1-longer"), "[redacted]");
    }

    #[test]
    fn short_values_are_left_alone() {
        register_secret("a");
        register_secret("");
        assert_eq!(mask("banana"), "banana");
    }
}
