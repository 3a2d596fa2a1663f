//! What the core knows of a webhook delivery.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    ids::{DeliveryId, PersonRef, Provider, RepositoryRef},
    timestamp::Timestamp,
};

/// Longest JSON text of [`DeliveryFacts::payload`], in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// A delivery reduced to bounded facts. Lives in memory only: the log gets ids and digests of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryFacts {
    /// The host's id for it.
    pub id: DeliveryId,
    /// The source host.
    pub provider: Provider,
    /// Event name, for example `issues`.
    pub event: String,
    /// The payload's `action`, where it has one.
    pub action: Option<String>,
    /// The repository it is about.
    pub repository: Option<Repository>,
    /// Who caused it.
    pub sender: Option<Person>,
    /// When it was stored.
    pub received_at: Timestamp,
    /// Branch it is about: pushed, created, deleted, or the base of a pull request.
    pub branch: Option<String>,
    /// Number of the issue, pull request or discussion.
    pub number: Option<u64>,
    /// The label just added or removed.
    pub label: Option<String>,
    /// Labels of the issue or pull request now.
    pub labels: Vec<String>,
    /// Files touched by pushed commits; at most 3,000.
    pub paths: Vec<String>,
    /// Commit it is about, in hex.
    pub commit: Option<String>,
    /// Parts that identify the action itself, whatever delivery brought it; empty when only the
    /// body's digest can.
    pub identity: Vec<String>,
    /// SHA-256 of the raw body.
    pub body: Digest,
    /// The payload, pruned to [`MAX_PAYLOAD_BYTES`], for templates and conditions.
    pub payload: serde_json::Value,
}

/// A repository as a payload names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Host and number.
    #[serde(flatten)]
    pub reference: RepositoryRef,
    /// `owner/name`.
    pub full_name: String,
    /// Default branch, where the payload says.
    pub default_branch: Option<String>,
}

/// A person as a payload names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Host and number.
    #[serde(flatten)]
    pub reference: PersonRef,
    /// Login.
    pub login: String,
}
