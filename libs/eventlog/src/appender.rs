//! Appends commits behind a known last one.

use std::{
    future::{Future, IntoFuture as _},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_nats::{
    HeaderMap,
    jetstream::{
        context::{PublishAckFuture, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use futures::FutureExt as _;

use crate::{EventLog, header};

/// Why a commit is not known to be in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended: the commit is not in the log.
    #[error("another writer appended to the log")]
    Fenced,
    /// No acknowledgement came: the commit may or may not be in the log.
    #[error("the broker did not say whether the commit is stored")]
    Unknown,
}

/// Writes to EVENTS. Each append names the sequence before it, and the commit it expects there
/// where that one is still on its way; so the broker refuses it unless all earlier ones are stored
/// and nobody else wrote in between.
#[derive(Debug)]
pub struct Appender {
    log: EventLog,
    last_seq: u64,
    acknowledged: Arc<AtomicU64>,
    /// Begins the message ids of this appender.
    nonce: String,
}

/// An append under way.
pub type Appending = Pin<Box<dyn Future<Output = Result<(), AppendError>> + Send>>;

impl EventLog {
    /// Appends behind `last_seq`, the sequence of the last commit (0 in an empty log).
    #[must_use]
    pub fn appender(&self, last_seq: u64) -> Appender {
        Appender {
            log: self.clone(),
            last_seq,
            acknowledged: Arc::new(AtomicU64::new(last_seq)),
            nonce: hex::encode(rand::random::<[u8; 8]>()),
        }
    }
}

impl Appender {
    /// Sends a commit and returns the wait for its acknowledgement. Commits leave in the order of
    /// the calls, without waiting for each other; `seq` must be one more than that of the call
    /// before. `subject_tail` is what [`maestro_domain::Commit::subject`] says.
    ///
    /// # Errors
    /// The future ends with [`AppendError`]. After one error all later appends fail too: read the
    /// log again and start with a new appender.
    pub fn append(
        &mut self,
        seq: u64,
        subject_tail: &str,
        bytes: Bytes,
        traceparent: Option<&str>,
    ) -> Appending {
        if seq != self.last_seq + 1 {
            tracing::error!(
                commit.n = seq,
                log.last = self.last_seq,
                "a commit out of order"
            );
            return Box::pin(std::future::ready(Err(AppendError::Unknown)));
        }
        let mut headers = self.headers();
        header::put_traceparent(&mut headers, traceparent);
        match self.send(subject_tail, headers, bytes) {
            Some(sent) => {
                self.last_seq = seq;
                let lost = self.log.broker().lost();
                Box::pin(acknowledged(
                    seq,
                    sent,
                    lost,
                    Arc::clone(&self.acknowledged),
                ))
            }
            None => Box::pin(std::future::ready(Err(AppendError::Unknown))),
        }
    }

    /// The sequence alone would let a stale writer in: its second commit fits behind the first one
    /// of another writer.
    fn headers(&self) -> HeaderMap {
        let mut headers = header::expecting(header::EXPECTED_LAST_SEQ, self.last_seq);
        headers.insert(header::MESSAGE_ID, self.id(self.last_seq + 1).as_str());
        if self.acknowledged.load(Ordering::Acquire) < self.last_seq {
            headers.insert(header::EXPECTED_LAST_ID, self.id(self.last_seq).as_str());
        }
        headers
    }

    fn id(&self, seq: u64) -> String {
        format!("{}-{seq}", self.nonce)
    }

    /// Puts the commit into the connection's queue; `None` while there is no room or no connection.
    fn send(&self, tail: &str, headers: HeaderMap, bytes: Bytes) -> Option<PublishAckFuture> {
        let broker = self.log.broker();
        if !broker.connected() {
            return None;
        }
        let message = PublishMessage::build().headers(headers).payload(bytes);
        let subject = self.log.names().subject("log", tail);
        let send = broker.jetstream().send_publish(subject, message);
        // Polled outside the task's budget: a pause here would let a later commit overtake.
        tokio::task::unconstrained(send).now_or_never()?.ok()
    }
}

async fn acknowledged(
    seq: u64,
    sent: PublishAckFuture,
    lost: impl Future<Output = ()>,
    acknowledged: Arc<AtomicU64>,
) -> Result<(), AppendError> {
    let answer = tokio::select! {
        biased;
        answer = sent.into_future() => answer,
        () = lost => return Err(AppendError::Unknown),
    };
    match answer {
        Ok(ack) if ack.sequence == seq => {
            acknowledged.fetch_max(seq, Ordering::AcqRel);
            Ok(())
        }
        Ok(ack) => {
            tracing::error!(
                commit.n = seq,
                log.seq = ack.sequence,
                "a commit got another sequence"
            );
            Err(AppendError::Fenced)
        }
        Err(error) => match error.kind() {
            PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
                Err(AppendError::Fenced)
            }
            kind => {
                tracing::warn!(commit.n = seq, broker.error = %kind, "a commit is in doubt");
                Err(AppendError::Unknown)
            }
        },
    }
}
