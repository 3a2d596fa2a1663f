//! Typed identifiers. In text they carry a prefix (`run_…`), so that a run's id never passes for a
//! project's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix or the UUID behind it is wrong.
    #[error("`{text}` is not an id of the form `{prefix}_<uuid>`")]
    Malformed {
        /// Prefix expected.
        prefix: &'static str,
        /// The text, cut to 80 characters.
        text: String,
    },
    /// A delivery id or provider with characters that cannot stand in a subject.
    #[error("{what} must have 1 to {max} characters out of A-Z a-z 0-9 _ -")]
    Token {
        /// What was parsed.
        what: &'static str,
        /// Longest accepted length in characters.
        max: usize,
    },
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }
            /// The UUID behind the prefix.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::Malformed {
                        prefix: $prefix,
                        text: text.chars().take(80).collect(),
                    })
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

typed_id!(
    /// A run: one execution asked for by a trigger, with all its attempts.
    RunId,
    "run"
);
typed_id!(
    /// A project.
    ProjectId,
    "prj"
);
typed_id!(
    /// A member of staff.
    UserId,
    "usr"
);
typed_id!(
    /// An executor, known by the id kept in its data folder.
    ExecutorId,
    "exe"
);

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself; safe as one token of a subject.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = (1..=$max).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if fits {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError::Token { what: $what, max: $max })
                }
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(token: $name) -> Self {
                token.0
            }
        }
    };
}

token!(
    /// The id a source host gave a delivery.
    DeliveryId,
    "a delivery id",
    128
);
token!(
    /// A source host, for example `github`.
    Provider,
    "a provider",
    32
);
token!(
    /// Chosen by the caller of a command; asking again with the same key gives the same outcome.
    CommandKey,
    "an idempotency key",
    128
);

/// A repository, by the number its host gave it. Its name lives in the vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepositoryRef {
    /// The source host.
    pub provider: Provider,
    /// The host's number for it.
    pub id: u64,
}

/// A person at a source host, by number. The login lives in the vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonRef {
    /// The source host.
    pub provider: Provider,
    /// The host's number for them.
    pub id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_text_and_refuse_other_prefixes() {
        let id = RunId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<ProjectId>().is_err());
        assert!("run_zz".parse::<RunId>().is_err());
    }

    #[test]
    fn delivery_ids_cannot_break_a_subject() {
        for bad in ["", "a.b", "a b", ">", "*", "ä", &"x".repeat(129)] {
            assert!(bad.parse::<DeliveryId>().is_err(), "{bad}");
        }
        assert!(
            "72d3162e-cc78-11e3-81ab-4c9367dc0958"
                .parse::<DeliveryId>()
                .is_ok()
        );
    }
}
