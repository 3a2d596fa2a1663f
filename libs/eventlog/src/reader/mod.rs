//! Reads a stream in order from a position, for ever.

mod feed;
mod open;
mod position;
mod session;

use std::collections::VecDeque;

use futures::future::BoxFuture;
use maestro_domain::Timestamp;

pub(crate) use feed::{Feed, FeedError};
pub(crate) use open::{Consumer, Spec};
pub(crate) use session::Item;

use crate::{EventLog, Message, Stream, broker::Broker};

/// Where a filtered reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this sequence, or the first kept one behind it.
    Seq(u64),
    /// At the first message stored at this time or later.
    Time(Timestamp),
    /// At the first message stored from now on.
    New,
    /// At the first message kept.
    All,
}

/// What a reader cannot step over silently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Messages are missing. The next call goes on at `found`.
    #[error("{stream} has no messages from {expected} to {}", .found - 1)]
    Gap {
        /// The stream.
        stream: Stream,
        /// First missing sequence.
        expected: u64,
        /// First sequence found behind the gap.
        found: u64,
    },
    /// The stream ends before the reader's position: messages once read are gone.
    #[error("{stream} ends at {last_seq}, before the position {expected}")]
    Behind {
        /// The stream.
        stream: Stream,
        /// The position.
        expected: u64,
        /// Last sequence of the stream.
        last_seq: u64,
    },
    /// The stream was deleted and created again. The reader is of no use any more.
    #[error("{stream} was created anew")]
    Recreated {
        /// The stream.
        stream: Stream,
    },
    /// The stream is missing. The next call looks again.
    #[error("{stream} does not exist")]
    Gone {
        /// The stream.
        stream: Stream,
    },
}

/// Bytes after which [`Reader::next_batch`] stops collecting.
const BATCH_BYTES: usize = 8 << 20;

/// An ordered reader. It waits while the broker is away and goes on where it stopped.
pub struct Reader {
    broker: Broker,
    stream: Stream,
    name: String,
    feed: Feed,
    /// Next sequence of a reader that reads every message.
    next: Option<u64>,
    held: VecDeque<Item>,
    check: Option<BoxFuture<'static, Option<Item>>>,
}

impl EventLog {
    /// Reads every message of a stream from sequence `next` on.
    #[must_use]
    pub fn read(&self, stream: Stream, next: u64) -> Reader {
        let next = next.max(1);
        self.reader(stream, None, Start::Seq(next), Some(next))
    }

    /// Reads the messages whose subject matches `filter`, prefix included. Gaps are not noticed.
    #[must_use]
    pub fn read_filtered(&self, stream: Stream, filter: &str, start: Start) -> Reader {
        self.reader(stream, Some(filter.to_owned()), start, None)
    }

    fn reader(
        &self,
        stream: Stream,
        filter: Option<String>,
        start: Start,
        next: Option<u64>,
    ) -> Reader {
        let name = self.names().stream(stream);
        let spec = Spec {
            stream: name.clone(),
            consumer: Consumer::Ordered {
                filter,
                headers_only: false,
            },
        };
        Reader {
            broker: self.broker().clone(),
            stream,
            name,
            feed: Feed::new(self.broker().clone(), spec, start),
            next,
            held: VecDeque::new(),
            check: None,
        }
    }
}

impl Reader {
    /// Waits for the next message, for ever if need be. May be cancelled at any point without
    /// losing a message.
    ///
    /// # Errors
    /// See [`ReadError`]; the broker being away is none.
    pub async fn next(&mut self) -> Result<Message, ReadError> {
        loop {
            if let Some(check) = &mut self.check {
                let found = check.await;
                self.check = None;
                match (found, self.next) {
                    (Some(item), Some(expected)) => {
                        tracing::error!(
                            stream.name = %self.name, stream.seq = expected,
                            "the broker's consumer skipped a message that is stored"
                        );
                        self.next = Some(expected + 1);
                        return Ok(self.message(item));
                    }
                    _ => return Err(self.step_over()),
                }
            }
            let item = match self.held.pop_front() {
                Some(item) => item,
                None => self.feed.next().await.map_err(|error| self.fail(error))?,
            };
            match self.next {
                Some(expected) if item.seq > expected => {
                    self.held.push_front(item);
                    let broker = self.broker.clone();
                    self.check = Some(Box::pin(lookup(broker, self.name.clone(), expected)));
                }
                Some(expected) if item.seq < expected => {
                    let last_seq = item.seq;
                    return Err(ReadError::Behind {
                        stream: self.stream,
                        expected,
                        last_seq,
                    });
                }
                _ => return Ok(self.pass(item)),
            }
        }
    }

    /// Waits for a message and takes what else is already here, in order: 1 to `max` messages and
    /// about 8 MiB.
    ///
    /// # Errors
    /// As [`Self::next`]. An error behind the first message comes with the next call.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<Message>, ReadError> {
        let first = self.next().await?;
        let mut bytes = first.payload.len();
        let mut batch = vec![first];
        while batch.len() < max && bytes < BATCH_BYTES {
            let Some(item) = self.held.pop_front().or_else(|| self.feed.ready()) else {
                break;
            };
            if self.next.is_some_and(|expected| item.seq != expected) {
                self.held.push_front(item);
                break;
            }
            bytes += item.payload.len();
            let message = self.pass(item);
            batch.push(message);
        }
        Ok(batch)
    }

    /// Messages that waited behind the last one handed out, as the broker counted when it sent
    /// that; `None` before the first contact.
    #[must_use]
    pub fn pending(&self) -> Option<u64> {
        self.feed
            .pending()
            .map(|pending| pending + self.held.len() as u64)
    }

    /// Waits until [`Self::pending`] is known.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn open(&mut self) -> Result<(), ReadError> {
        self.feed.open().await.map_err(|error| self.fail(error))
    }

    fn pass(&mut self, item: Item) -> Message {
        if let Some(next) = &mut self.next {
            *next = item.seq + 1;
        }
        self.message(item)
    }

    fn message(&self, item: Item) -> Message {
        let Item {
            seq,
            at,
            subject,
            headers,
            payload,
            ..
        } = item;
        Message::new(self.stream, seq, subject, at, payload, headers)
    }

    /// Reports the gap before the held message and moves behind it.
    fn step_over(&mut self) -> ReadError {
        let expected = self.next.unwrap_or_default();
        let found = self.held.front().map_or(expected, |item| item.seq);
        self.next = Some(found);
        ReadError::Gap {
            stream: self.stream,
            expected,
            found,
        }
    }

    const fn fail(&self, error: FeedError) -> ReadError {
        let stream = self.stream;
        match error {
            FeedError::Recreated => ReadError::Recreated { stream },
            FeedError::Gone => ReadError::Gone { stream },
            FeedError::Behind { expected, last_seq } => ReadError::Behind {
                stream,
                expected,
                last_seq,
            },
        }
    }
}

/// Asks the stream's leader for a message that the consumer did not deliver.
async fn lookup(broker: Broker, stream: String, seq: u64) -> Option<Item> {
    let mut pause = open::Pause::default();
    loop {
        match broker.message(&stream, seq).await {
            Ok(found) => return found.map(Item::from_stored),
            Err(error) => {
                tracing::warn!(%error, stream.name = %stream, stream.seq = seq, "cannot check a gap");
                pause.wait().await;
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("stream", &self.name)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
