//! Restores a log from a file into a deployment that has none.

use std::{collections::VecDeque, io::Read, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;

use super::{
    ArchiveReport,
    reader::{ArchiveError, ArchiveReader, Record},
};
use crate::{
    AppendError, Appender, Appending, Error, EventLog, Stream,
    broker::ANSWER_WITHIN,
    names::Bucket,
    proof::Envelope,
    reader::{Consumer, Feed, FeedError, Spec, Start},
};

/// The streams that the conductor reads.
const INPUTS: [Stream; 3] = [Stream::Deliveries, Stream::Commands, Stream::Reports];
/// Commits on their way at once.
const IN_FLIGHT: usize = 256;
/// The conductor's lease, and how long it is kept without a renewal.
const LEASE: (&str, Duration) = ("conductor", Duration::from_secs(60));
/// Commits between two renewals.
const RENEW_EVERY: u64 = 5_000;
/// What a backup leaves out: whoever was signed in signs in again.
const PASSING: [&str; 2] = ["session.", "login."];

/// A log that was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The broker failed.
    #[error("the broker failed")]
    Broker(#[from] Error),
    /// There is something already.
    #[error("this deployment is not empty: {0} holds something")]
    NotEmpty(String),
    /// A conductor is running.
    #[error("a conductor is running: stop it first")]
    Led,
    /// The file is damaged.
    #[error("the export is damaged; `maestro log verify --file` says where")]
    Damaged,
    /// The file cannot be read.
    #[error("the export cannot be read")]
    Archive(#[from] ArchiveError),
    /// A commit was not stored.
    #[error("a commit was not stored; delete what was restored and start again")]
    Append(#[from] AppendError),
}

impl EventLog {
    /// Every value of the vault as it is stored, without those of sessions.
    ///
    /// # Errors
    /// When the broker is away or the vault is missing.
    pub async fn sealed_values(&self) -> Result<Vec<(String, Bytes)>, Error> {
        let stream = self.names().kv_stream(Bucket::Vault);
        let prefix = self.names().kv_subject(Bucket::Vault, "");
        let spec = Spec {
            stream: stream.clone(),
            consumer: Consumer::Ordered {
                filter: Some(self.names().kv_subject(Bucket::Vault, ">")),
                headers_only: false,
            },
        };
        let gone = |_: FeedError| Error::NoStream {
            stream: stream.clone(),
        };
        let mut feed = Feed::new(self.broker().clone(), spec, Start::All);
        let mut values = Vec::new();
        loop {
            feed.open().await.map_err(gone)?;
            if feed.pending() == Some(0) {
                return Ok(values);
            }
            let item = feed.next().await.map_err(gone)?;
            let key = item.subject.strip_prefix(&prefix).unwrap_or_default();
            let passing = PASSING.iter().any(|prefix| key.starts_with(prefix));
            if !passing && !crate::vault::deleted(&item) {
                values.push((key.to_owned(), item.payload));
            }
        }
    }

    /// Restores what a file holds. `verified` is what [`ArchiveReader::verify`] said about it;
    /// `archive` is the same file, read from its beginning. The input streams are made to begin
    /// behind the cursors of the last commit, so that nothing is skipped and nothing is decided
    /// twice. `progress` is called with the sequence of every commit.
    ///
    /// # Errors
    /// See [`RestoreError`]. Nothing is written unless the deployment is empty, the file is whole
    /// and no conductor is running.
    pub async fn restore<R: Read>(
        &self,
        archive: &mut ArchiveReader<R>,
        verified: &ArchiveReport,
        progress: impl Fn(u64),
    ) -> Result<(), RestoreError> {
        let last = Envelope::read(&verified.last).ok_or(RestoreError::Damaged)?;
        if !verified.is_whole() {
            return Err(RestoreError::Damaged);
        }
        self.refuse_unless_empty().await?;
        for stream in INPUTS {
            if let Some(cursor) = last.cursors.get(stream.as_str()) {
                self.recreate(stream, &cursor.of, cursor.seq + 1).await?;
            }
        }
        self.ensure().await?;
        let lease = self.lease(LEASE.0, "restore", LEASE.1).await?;
        let mut lease = lease.ok_or(RestoreError::Led)?;
        let mut appending = Restoring::new(self);
        while let Some(record) = archive.next_record()? {
            match record {
                Record::Commit {
                    seq,
                    subject,
                    bytes,
                    ..
                } => {
                    appending.commit(seq, &subject, bytes).await?;
                    progress(seq);
                    if seq % RENEW_EVERY == 0 {
                        lease.renew().await.map_err(|_| RestoreError::Led)?;
                    }
                }
                Record::Checkpoint { note, .. } => appending.checkpoint(note).await?,
                Record::Vault { key, sealed, .. } => self.put_sealed(&key, sealed).await?,
                Record::End { .. } => {}
            }
        }
        appending.finish().await?;
        lease.release().await;
        Ok(())
    }

    async fn refuse_unless_empty(&self) -> Result<(), RestoreError> {
        let streams = INPUTS
            .into_iter()
            .chain([Stream::Events, Stream::Checkpoints]);
        let names = streams.map(|stream| self.names().stream(stream));
        for name in names.chain([self.names().kv_stream(Bucket::Vault)]) {
            match self.broker().stream_state(&name).await {
                Ok(state) if state.messages > 0 || state.last_seq > 0 => {
                    return Err(RestoreError::NotEmpty(name));
                }
                Ok(_) | Err(Error::NoStream { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn put_sealed(&self, key: &str, sealed: Bytes) -> Result<(), Error> {
        let subject = self.names().kv_subject(Bucket::Vault, key);
        self.broker()
            .publish(subject, HeaderMap::new(), sealed, ANSWER_WITHIN)
            .await
            .map(|_| ())
    }
}

/// Appends under way.
struct Restoring<'a> {
    log: &'a EventLog,
    appender: Appender,
    under_way: VecDeque<Appending>,
    checkpoints: u64,
}

impl<'a> Restoring<'a> {
    fn new(log: &'a EventLog) -> Self {
        Self {
            log,
            appender: log.appender(0),
            under_way: VecDeque::new(),
            checkpoints: 0,
        }
    }

    async fn commit(&mut self, seq: u64, subject: &str, bytes: Bytes) -> Result<(), AppendError> {
        if self.under_way.len() >= IN_FLIGHT
            && let Some(oldest) = self.under_way.pop_front()
        {
            oldest.await?;
        }
        let traceparent = Envelope::read(&bytes).and_then(|envelope| envelope.traceparent);
        let appending = self
            .appender
            .append(seq, subject, bytes, traceparent.as_deref());
        self.under_way.push_back(appending);
        Ok(())
    }

    async fn checkpoint(&mut self, note: String) -> Result<(), RestoreError> {
        if !self.log.store_checkpoint(note, self.checkpoints).await? {
            let name = self.log.names().stream(Stream::Checkpoints);
            return Err(RestoreError::NotEmpty(name));
        }
        self.checkpoints += 1;
        Ok(())
    }

    async fn finish(self) -> Result<(), AppendError> {
        for appending in self.under_way {
            appending.await?;
        }
        Ok(())
    }
}
