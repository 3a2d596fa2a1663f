//! Checkpoints in their stream.

use async_nats::jetstream::message::StreamMessage;
use maestro_domain::Digest;

use super::{
    keys::{CheckpointKeys, CheckpointKeysError},
    note::NoteError,
    text::Checkpoint,
};
use crate::{
    Chain, Copy, Error, EventLog, Finding, Link, ScanError, Start, Stream, Vault,
    broker::{ANSWER_WITHIN, code},
    header,
};

/// Commits read at once.
const BATCH: usize = 512;

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Its sequence in CHECKPOINTS.
    pub seq: u64,
    /// The signed note.
    pub note: String,
}

/// A checkpoint that was not signed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The broker failed.
    #[error("the log cannot be read")]
    Broker(#[from] Error),
    /// EVENTS cannot be read to its end.
    #[error("the log cannot be read")]
    Scan(#[from] ScanError),
    /// There are no keys.
    #[error("there are no keys to sign with")]
    Keys(#[from] CheckpointKeysError),
    /// The last checkpoint is not signed by a known key.
    #[error("checkpoint {seq} is not authentic")]
    Before {
        /// Its sequence in CHECKPOINTS.
        seq: u64,
        /// Why.
        source: NoteError,
    },
    /// EVENTS is not what the last checkpoint signed, or is damaged behind it.
    #[error("EVENTS is damaged, so it is not signed: {0}; run `maestro log verify`")]
    Damaged(Finding),
}

impl EventLog {
    /// All checkpoints, oldest first.
    ///
    /// # Errors
    /// When the broker is away or the stream is missing.
    pub async fn checkpoints(&self) -> Result<Vec<StoredCheckpoint>, Error> {
        let end = self.stream_state(Stream::Checkpoints).await?.last_seq;
        let filter = self.names().subject("checkpoints", '>');
        let mut reader = self.read_filtered(Stream::Checkpoints, &filter, Start::All);
        let gone = |_| Error::NoStream {
            stream: self.names().stream(Stream::Checkpoints),
        };
        let mut found: Vec<StoredCheckpoint> = Vec::new();
        loop {
            reader.open().await.map_err(gone)?;
            if reader.pending() == Some(0) || found.last().is_some_and(|last| last.seq >= end) {
                return Ok(found);
            }
            let message = reader.next().await.map_err(gone)?;
            found.push(StoredCheckpoint {
                seq: message.seq,
                note: String::from_utf8_lossy(&message.payload).into_owned(),
            });
        }
    }

    /// The newest checkpoint; `None` where there is none.
    ///
    /// # Errors
    /// When the broker is away or the stream is missing.
    pub async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>, Error> {
        let stream = self.names().stream(Stream::Checkpoints);
        let subject = self.names().subject("checkpoints", "log");
        let found = self.broker().last(&stream, &subject).await?;
        Ok(found.map(
            |StreamMessage {
                 sequence, payload, ..
             }| StoredCheckpoint {
                seq: sequence,
                note: String::from_utf8_lossy(&payload).into_owned(),
            },
        ))
    }

    /// Signs the log as it is now: `None` when nothing was written since the last checkpoint, or
    /// somebody else signed at the same moment.
    ///
    /// # Errors
    /// See [`CheckpointError`]; [`CheckpointError::Damaged`] needs a person.
    pub async fn sign_checkpoint(
        &self,
        vault: &Vault,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        let keys = vault.checkpoint_keys().await?;
        self.advance(&keys, &[], false).await
    }

    /// Makes a new signing key, and a checkpoint that both keys sign: the old one hands over.
    ///
    /// # Errors
    /// See [`CheckpointError`]. The log must be whole.
    pub async fn rotate_checkpoint_key(
        &self,
        vault: &Vault,
    ) -> Result<CheckpointKeys, CheckpointError> {
        self.sign_checkpoint(vault).await?;
        let (before, after) = vault.rotate_checkpoint_key().await?;
        self.advance(&after, &[&before], true).await?;
        Ok(after)
    }

    async fn advance(
        &self,
        keys: &CheckpointKeys,
        others: &[&CheckpointKeys],
        again: bool,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        let last = self.last_checkpoint().await?;
        let seq = last.as_ref().map_or(0, |stored| stored.seq);
        let before = last
            .map(|stored| Checkpoint::open(&stored.note, &keys.public()))
            .transpose()
            .map_err(|source| CheckpointError::Before { seq, source })?;
        let (n, hash) = self.chained(before.as_ref()).await?;
        if n == 0 || (!again && before.is_some_and(|before| before.n == n)) {
            return Ok(None);
        }
        let origin = keys.origin().to_owned();
        let checkpoint = Checkpoint { origin, n, hash };
        let note = keys.sign(&checkpoint.text(), others);
        let stored = self.store_checkpoint(note, seq).await?;
        Ok(stored.then_some(checkpoint))
    }

    /// Reads EVENTS from the last checkpoint on; the number and hash of the last commit.
    async fn chained(&self, before: Option<&Checkpoint>) -> Result<(u64, Digest), CheckpointError> {
        let start = before.map_or(1, |before| before.n);
        let mut scan = self.scan(start).await?;
        let end = scan.end().max(before.map_or(0, |before| before.n));
        let mut chain = Chain::starting_at(Copy::Log, start);
        let mut next = start;
        let signed = |seq| {
            before
                .filter(|before| before.n == seq)
                .map(|before| before.hash)
        };
        while let Some(batch) = scan.next_batch(BATCH).await? {
            for message in batch {
                (next..message.seq).for_each(|seq| chain.step(seq, None, signed(seq)));
                next = message.seq + 1;
                let subject = self.commit_subject(&message);
                let link = Link::of(message.seq, subject, &message.payload, None);
                chain.step(message.seq, Some(&link), signed(message.seq));
            }
        }
        (next..=end).for_each(|seq| chain.step(seq, None, signed(seq)));
        let (report, mut findings) = chain.finish();
        if findings.is_empty() {
            return Ok((report.last, report.head));
        }
        Err(CheckpointError::Damaged(findings.remove(0)))
    }

    /// Stores a note behind the checkpoint `last`; false when another is there already.
    pub(crate) async fn store_checkpoint(&self, note: String, last: u64) -> Result<bool, Error> {
        let subject = self.names().subject("checkpoints", "log");
        let headers = header::expecting(header::EXPECTED_LAST_SEQ, last);
        let stored = self
            .broker()
            .publish(subject, headers, note.into(), ANSWER_WITHIN)
            .await;
        match stored {
            Ok(_) => Ok(true),
            Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
