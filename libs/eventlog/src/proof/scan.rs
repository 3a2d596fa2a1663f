//! Reads EVENTS to its end and steps over nothing silently.

use std::{collections::VecDeque, time::Duration};

use crate::{Error, EventLog, Message, ReadError, Reader, Stream, reader::Item};

/// Silence of a consumer after which the stream itself is asked for its next message.
const SILENCE: Duration = Duration::from_secs(5);

/// EVENTS cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The broker failed.
    #[error("EVENTS cannot be read")]
    Broker(#[from] Error),
    /// The stream is missing, or was created anew meanwhile.
    #[error("EVENTS is not there any more")]
    Read(#[from] ReadError),
}

/// Every message of EVENTS that is stored, up to where the stream ended when this began. Sequences
/// that do not come are not stored, or cannot be read by the broker.
#[derive(Debug)]
pub struct Scan {
    log: EventLog,
    reader: Reader,
    next: u64,
    end: u64,
    found: VecDeque<Message>,
}

impl EventLog {
    /// Reads EVENTS from sequence `next` to where it ends now.
    ///
    /// # Errors
    /// When the broker is away or EVENTS is missing.
    pub async fn scan(&self, next: u64) -> Result<Scan, Error> {
        let end = self.stream_state(Stream::Events).await?.last_seq;
        let next = next.max(1);
        Ok(Scan {
            log: self.clone(),
            reader: self.read(Stream::Events, next),
            next,
            end,
            found: VecDeque::new(),
        })
    }

    /// The part of a commit's subject below the log's prefix.
    #[must_use]
    pub fn commit_subject<'a>(&self, message: &'a Message) -> &'a str {
        let prefix = self.names().subject("log", "");
        message.subject.strip_prefix(&prefix).unwrap_or_default()
    }
}

impl Scan {
    /// The last sequence of the stream.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The next messages, in order: at least one and about `max`; `None` at the end. Waits while
    /// the broker is away.
    ///
    /// # Errors
    /// When the stream is deleted meanwhile, or the broker answers with an error.
    pub async fn next_batch(&mut self, max: usize) -> Result<Option<Vec<Message>>, ScanError> {
        loop {
            if !self.found.is_empty() {
                let take = self.found.len().min(max.max(1));
                return Ok(Some(self.found.drain(..take).collect()));
            }
            if self.next > self.end {
                return Ok(None);
            }
            match tokio::time::timeout(SILENCE, self.reader.next_batch(max)).await {
                Ok(Ok(batch)) => self.take(batch),
                Ok(Err(ReadError::Gap { found, .. })) => self.look(found).await?,
                Ok(Err(ReadError::Behind { .. })) => self.next = self.end + 1,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if self.log.connected() => self.ask().await?,
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, batch: Vec<Message>) {
        for message in batch {
            if (self.next..=self.end).contains(&message.seq) {
                self.next = message.seq + 1;
                self.found.push_back(message);
            }
        }
        // Written since this began, and what stood before it did not come.
        if self.found.is_empty() {
            self.next = self.end + 1;
        }
    }

    /// Looks for single messages before `until` that the consumer did not bring.
    async fn look(&mut self, until: u64) -> Result<(), Error> {
        let stream = self.log.names().stream(Stream::Events);
        for seq in self.next..until.min(self.end + 1) {
            match self.log.broker().message(&stream, seq).await {
                Ok(Some(stored)) => self.found.push_back(message(Item::from_stored(stored))),
                // Whatever the broker says about it, it cannot be read.
                Ok(None) | Err(Error::Refused { .. } | Error::Answer(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.next = until;
        Ok(())
    }

    /// Asks for the next message that is stored: the consumer may count messages that it will
    /// never bring.
    async fn ask(&mut self) -> Result<(), Error> {
        let stream = self.log.names().stream(Stream::Events);
        let subject = self.log.names().subject("log", '>');
        let found = self.log.broker().following(&stream, &subject, self.next);
        match found.await {
            Ok(Some(stored)) if stored.sequence <= self.end => {
                let found = message(Item::from_stored(stored));
                self.next = found.seq + 1;
                self.found.push_back(found);
                self.reader = self.log.read(Stream::Events, self.next);
                Ok(())
            }
            Ok(_) => {
                self.next = self.end + 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn message(item: Item) -> Message {
    Message::new(
        Stream::Events,
        item.seq,
        item.subject,
        item.at,
        item.payload,
        item.headers,
    )
}
