//! The unit of the log: one input, one decision, one message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    command::Actor,
    digest::Digest,
    event::Event,
    name::Name,
    sealed::Sealed,
    timestamp::Timestamp,
    upcast::{self, UpcastError},
};

/// Longest encoded commit, in bytes.
pub const MAX_COMMIT_BYTES: usize = 512 * 1024;

/// Version of the envelope.
pub const COMMIT_VERSION: u16 = 1;

/// One decision. Its number `n` is also its sequence in the EVENTS stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Version of the envelope.
    pub v: u16,
    /// From 1, without gaps.
    pub n: u64,
    /// Leadership under which it was decided.
    pub epoch: u64,
    /// When; never earlier than the commit before.
    pub at: Timestamp,
    /// SHA-256 of the commit before, as stored; zeros for the first.
    pub prev: Digest,
    /// The input behind it.
    pub cause: Cause,
    /// How far each input stream is dealt with, this commit included.
    pub cursors: Cursors,
    /// Who caused it.
    pub actor: Actor,
    /// Why, where a reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed>,
    /// W3C trace context of the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Slug of the project it belongs to; `None` for the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Name>,
    /// At least one.
    pub events: Vec<Record>,
}

/// The input that a commit answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Input stream, or `CLOCK`.
    pub stream: String,
    /// Sequence there; 0 for the clock.
    pub seq: u64,
    /// Delivery id or idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Position in every input stream, by stream name.
pub type Cursors = BTreeMap<String, Cursor>;

/// Position in one incarnation of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The incarnation: an id given when the stream was created.
    pub of: String,
    /// Last sequence dealt with.
    pub seq: u64,
}

/// An event as it stands in a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Record(pub Event);

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Out<'a> {
            v: u16,
            id: String,
            #[serde(flatten)]
            event: &'a Event,
        }
        Out {
            v: self.0.version(),
            id: self.0.aggregate_id(),
            event: &self.0,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct In {
            #[serde(rename = "type")]
            kind: String,
            v: u16,
            #[serde(default)]
            data: serde_json::Value,
        }
        let In { kind, v, data } = In::deserialize(deserializer)?;
        upcast::event(&kind, v, data)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A stored message that is not a commit.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Not JSON, or not of this shape.
    #[error("not a commit")]
    Malformed(#[from] serde_json::Error),
    /// The envelope is of a version this build does not know.
    #[error("commit version {0} is unknown to this build")]
    Version(u16),
    /// An event cannot be read.
    #[error("an event cannot be read")]
    Event(#[from] UpcastError),
}

impl Commit {
    /// Decodes a stored message.
    ///
    /// # Errors
    /// When it is not JSON of this shape or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommitError> {
        let commit: Self = serde_json::from_slice(bytes)?;
        if commit.v == COMMIT_VERSION {
            Ok(commit)
        } else {
            Err(CommitError::Version(commit.v))
        }
    }

    /// The bytes that are stored and hashed.
    ///
    /// # Panics
    /// Never: a commit holds nothing that JSON cannot express.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a commit is always JSON")
    }

    /// `<project>.<aggregate>.<event>`: its subject below the log's prefix.
    #[must_use]
    pub fn subject(&self) -> String {
        let project = self.project.as_ref().map_or("platform", Name::as_str);
        let event = self
            .events
            .first()
            .map_or("none.none", |record| record.0.type_name());
        format!("{project}.{event}")
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().map(|record| &record.0)
    }
}
