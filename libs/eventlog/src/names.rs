//! Names of streams, buckets and subjects under a prefix.

use maestro_domain::{ExecutorId, Name, RunId, run::attempt_token};

use crate::{Error, Stream, settings::DEFAULT_PREFIX};

/// The prefix and everything named after it.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Result<Self, Error> {
        let fits = (1..=32).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if fits {
            Ok(Self {
                prefix: prefix.to_owned(),
            })
        } else {
            Err(Error::Settings(
                "the prefix must have 1 to 32 characters out of a-z 0-9 - _",
            ))
        }
    }

    /// Name of a stream on the broker: plain under the default prefix.
    pub(crate) fn stream(&self, stream: Stream) -> String {
        if self.prefix == DEFAULT_PREFIX {
            stream.as_str().to_owned()
        } else {
            format!("{}_{stream}", self.prefix)
        }
    }

    /// `<prefix>.<area>.<tail>`.
    pub(crate) fn subject(&self, area: &str, tail: impl std::fmt::Display) -> String {
        format!("{}.{area}.{tail}", self.prefix)
    }

    pub(crate) fn logs(&self, run: RunId, attempt: u32) -> String {
        self.subject("logs", attempt_token(run, attempt))
    }

    pub(crate) fn run_commands(&self, pool: &Name, verb: &str) -> String {
        self.subject("run_commands", format_args!("{pool}.{verb}"))
    }

    /// Where executors say that they live.
    pub(crate) fn heartbeats(&self) -> String {
        format!("{}.heartbeats", self.prefix)
    }

    /// Where one executor is told what to do.
    pub(crate) fn orders(&self, executor: ExecutorId) -> String {
        self.subject("orders", executor)
    }

    /// Where run commands go that are given up on.
    pub(crate) fn parked_run_commands(&self) -> String {
        self.subject("parked", "run_commands")
    }

    /// Name of a bucket.
    pub(crate) fn bucket(&self, kind: Bucket) -> String {
        format!("{}_{}", self.prefix, kind.as_str())
    }

    /// Name of the stream behind a key-value bucket.
    pub(crate) fn kv_stream(&self, kind: Bucket) -> String {
        format!("KV_{}", self.bucket(kind))
    }

    /// Subject of a key in a key-value bucket.
    pub(crate) fn kv_subject(&self, kind: Bucket, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket(kind))
    }
}

/// Buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// Key-value: secrets and personal data.
    Vault,
    /// Key-value: leadership.
    Leases,
    /// Objects: long bodies of deliveries.
    Bodies,
    /// Objects: snapshots of the conductor's state.
    Snapshots,
}

impl Bucket {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Leases => "leases",
            Self::Bodies => "bodies",
            Self::Snapshots => "snapshots",
        }
    }
}
