//! What the chain needs of a stored commit.

use maestro_domain::{Digest, commit::Cursors};
use serde::Deserialize;

/// A stored commit reduced to its place in the chain. Events are not decoded: a log of a newer
/// build is as whole as any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub(super) seq: u64,
    pub(super) hash: Digest,
    pub(super) recorded: Option<Digest>,
    pub(super) head: Option<Head>,
    pub(super) own_subject: bool,
}

/// What a commit says about its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) n: u64,
    pub(super) prev: Digest,
}

/// The part of a commit that every version of the envelope has.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    n: u64,
    prev: Digest,
    #[serde(default)]
    pub(crate) traceparent: Option<String>,
    #[serde(default)]
    pub(crate) cursors: Cursors,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    events: Vec<EventHead>,
}

#[derive(Deserialize)]
struct EventHead {
    #[serde(rename = "type")]
    kind: String,
}

impl Envelope {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// As [`maestro_domain::Commit::subject`] says it.
    pub(crate) fn subject(&self) -> String {
        let project = self.project.as_deref().unwrap_or("platform");
        let event = self.events.first().map_or("none.none", |first| &first.kind);
        format!("{project}.{event}")
    }
}

impl Link {
    /// Reads the commit stored at `seq` under `subject` (below the log's prefix). `recorded` is the
    /// hash that stands beside it, where the copy keeps one.
    #[must_use]
    pub fn of(seq: u64, subject: &str, bytes: &[u8], recorded: Option<Digest>) -> Self {
        let envelope = Envelope::read(bytes);
        Self {
            seq,
            hash: Digest::of(bytes),
            recorded,
            own_subject: envelope
                .as_ref()
                .is_none_or(|envelope| envelope.subject() == subject),
            head: envelope.map(|Envelope { n, prev, .. }| Head { n, prev }),
        }
    }

    /// Its sequence.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }
}
