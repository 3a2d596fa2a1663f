//! Appends commits behind a known last one.

use std::{future::Future, pin::Pin};

use async_nats::jetstream::{
    context::{PublishAckFuture, PublishErrorKind},
    message::PublishMessage,
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

/// Writes to EVENTS. Each append names the sequence before it, so the broker refuses it unless all
/// earlier ones are stored and nobody else wrote in between.
#[derive(Debug)]
pub struct Appender {
    log: EventLog,
    last_seq: u64,
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
        match self.send(subject_tail, bytes, traceparent) {
            Some(sent) => {
                self.last_seq = seq;
                Box::pin(acknowledged(seq, sent))
            }
            None => Box::pin(std::future::ready(Err(AppendError::Unknown))),
        }
    }

    /// Puts the commit into the connection's queue; `None` while there is no room or no connection.
    fn send(
        &self,
        tail: &str,
        bytes: Bytes,
        traceparent: Option<&str>,
    ) -> Option<PublishAckFuture> {
        let broker = self.log.broker();
        if !broker.connected() {
            return None;
        }
        let mut headers = header::expecting(header::EXPECTED_LAST_SEQ, self.last_seq);
        header::put_traceparent(&mut headers, traceparent);
        let message = PublishMessage::build().headers(headers).payload(bytes);
        let subject = self.log.names().subject("log", tail);
        let send = broker.jetstream().send_publish(subject, message);
        // Polled outside the task's budget: a pause here would let a later commit overtake.
        tokio::task::unconstrained(send).now_or_never()?.ok()
    }
}

async fn acknowledged(seq: u64, sent: PublishAckFuture) -> Result<(), AppendError> {
    match sent.await {
        Ok(ack) if ack.sequence == seq => Ok(()),
        Ok(ack) => {
            tracing::error!(
                commit.n = seq,
                log.seq = ack.sequence,
                "a commit got another sequence"
            );
            Err(AppendError::Fenced)
        }
        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
            Err(AppendError::Fenced)
        }
        Err(error) => {
            tracing::warn!(commit.n = seq, broker.error = %error.kind(), "a commit is in doubt");
            Err(AppendError::Unknown)
        }
    }
}
