//! References from the log into the vault.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Digest, DigestKey},
    ids::{CommandKey, PersonRef, Provider, RepositoryRef, RunId},
};

/// Where a value lives in the vault. Everything that came from a person stands below that person,
/// so that erasing them is deleting one prefix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VaultKey(String);

impl VaultKey {
    /// `owner/name` of a repository.
    #[must_use]
    pub fn repository_name(repository: &RepositoryRef) -> Self {
        Self(format!(
            "repository.{}.{}.name",
            repository.provider, repository.id
        ))
    }
    /// Login of a person.
    #[must_use]
    pub fn person_login(person: &PersonRef) -> Self {
        Self(format!("{}login", Self::person_prefix(person)))
    }
    /// Common beginning of everything that came from a person.
    #[must_use]
    pub fn person_prefix(person: &PersonRef) -> String {
        format!("person.{}.{}.", person.provider, person.id)
    }
    /// What a run executes: command, environment and prompt.
    #[must_use]
    pub fn run_spec(run: RunId, sender: Option<&PersonRef>) -> Self {
        Self(match sender {
            Some(person) => format!("{}run.{run}", Self::person_prefix(person)),
            None => format!("run.{run}"),
        })
    }
    /// What the system said about the end of an attempt.
    #[must_use]
    pub fn end_detail(run: RunId, attempt: u32) -> Self {
        Self(format!("run.{run}.{attempt}.end"))
    }
    /// Text of a stack document, by its digest.
    #[must_use]
    pub fn stack(digest: &Digest) -> Self {
        Self(format!("stack.{digest}"))
    }
    /// Reason given with a command.
    #[must_use]
    pub fn reason(command: &CommandKey) -> Self {
        Self(format!("reason.{command}"))
    }
    /// Secrets that sign a provider's webhooks where no repository has its own.
    #[must_use]
    pub fn webhook_secrets(provider: &Provider) -> Self {
        Self(format!("secret.webhook.{provider}"))
    }
    /// Keys that sign checkpoints of the log.
    #[must_use]
    pub fn checkpoint_keys() -> Self {
        Self("secret.checkpoints".to_owned())
    }
    /// A signed-in session, by the digest of its token.
    #[must_use]
    pub fn session(token: &Digest) -> Self {
        Self(format!("session.{token}"))
    }
    /// A one-time login code, by its digest.
    #[must_use]
    pub fn login_code(code: &Digest) -> Self {
        Self(format!("login.{code}"))
    }
    /// The key as the vault stores it: letters, digits, `_`, `-` and dots.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text kept in the vault: the log holds where it is and its keyed digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Where it is.
    pub key: VaultKey,
    /// HMAC-SHA-256 under the deployment's digest key.
    pub digest: Digest,
}

/// A value that must be in the vault before the commit that refers to it is appended.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal {
    /// Where to put it.
    pub key: VaultKey,
    /// What to put there.
    pub plaintext: Vec<u8>,
}

impl Seal {
    /// The reference that goes into the log.
    #[must_use]
    pub fn reference(&self, digest_key: &DigestKey) -> Sealed {
        Sealed {
            key: self.key.clone(),
            digest: Digest::keyed(digest_key, &self.plaintext),
        }
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({}, {} bytes)", self.key, self.plaintext.len())
    }
}
