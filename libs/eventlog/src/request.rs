//! Requests that are stored first and answered once what they led to is committed.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use maestro_domain::{
    Name, command::CommandMessage, command::Outcome, report::Reply, report::ReportMessage,
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{Error, EventLog, broker::ANSWER_WITHIN, header};

/// Beginning of every subject that answers go to.
pub(crate) const INBOX: &str = "_INBOX.";

/// Why a request has no answer. Repeating it is safe in every case.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The broker is away: the request may or may not be stored.
    #[error("the broker is not reachable")]
    Unavailable,
    /// The request is stored; nobody answered in time.
    #[error("stored, but not answered in time")]
    TimedOut,
    /// The broker refused the request, or the answer makes no sense.
    #[error("the request failed")]
    Failed(#[source] Box<Error>),
}

impl From<Error> for RequestError {
    fn from(error: Error) -> Self {
        if error.is_unavailable() {
            Self::Unavailable
        } else {
            Self::Failed(Box::new(error))
        }
    }
}

impl EventLog {
    /// Reports what an executor of `pool` saw and waits up to `wait` for the conductor's answer.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn report(
        &self,
        pool: &Name,
        message: &ReportMessage,
        traceparent: Option<&str>,
        wait: Duration,
    ) -> Result<Reply, RequestError> {
        self.ask(
            self.names().subject("reports", pool),
            message,
            traceparent,
            wait,
        )
        .await
    }

    /// Hands a command to the conductor and waits up to `wait` for its outcome.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn submit(
        &self,
        message: &CommandMessage,
        traceparent: Option<&str>,
        wait: Duration,
    ) -> Result<Outcome, RequestError> {
        let (area, verb) = message.command.subject();
        let subject = self
            .names()
            .subject("commands", format_args!("{area}.{verb}"));
        match self.ask(subject, message, traceparent, wait).await? {
            Reply::Outcome(outcome) => Ok(outcome),
            _ => Err(malformed("the answer to a command is not an outcome")),
        }
    }

    /// Answers a message that has a [`crate::Message::reply_to`]. Nobody may be waiting any more.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn answer(&self, reply_to: &str, reply: &Reply) -> Result<(), Error> {
        if !reply_to.starts_with(INBOX) {
            return Err(Error::Settings("answers go to inboxes only"));
        }
        if !self.connected() {
            return Err(Error::Unavailable);
        }
        let payload = encode(reply)?;
        self.broker()
            .client()
            .publish(reply_to.to_owned(), payload)
            .await
            .map_err(|_| Error::Unavailable)
    }

    async fn ask(
        &self,
        subject: String,
        message: &impl Serialize,
        traceparent: Option<&str>,
        wait: Duration,
    ) -> Result<Reply, RequestError> {
        let deadline = Instant::now() + wait;
        if !self.connected() {
            return Err(RequestError::Unavailable);
        }
        let client = self.broker().client();
        let inbox = client.new_inbox();
        let mut answers = client
            .subscribe(inbox.clone())
            .await
            .map_err(|_| RequestError::Unavailable)?;
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(header::REPLY, inbox.as_str());
        header::put_traceparent(&mut headers, traceparent);
        let payload = encode(message)?;
        self.broker()
            .publish(subject, headers, payload, ANSWER_WITHIN)
            .await?;
        match tokio::time::timeout_at(deadline, answers.next()).await {
            Ok(Some(answer)) => {
                serde_json::from_slice(&answer.payload).map_err(|error| Error::Answer(error).into())
            }
            Ok(None) => Err(RequestError::Unavailable),
            Err(_) => Err(RequestError::TimedOut),
        }
    }
}

pub(crate) fn encode(value: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(Error::Answer)
}

fn malformed(why: &'static str) -> RequestError {
    Error::Answer(serde::de::Error::custom(why)).into()
}
