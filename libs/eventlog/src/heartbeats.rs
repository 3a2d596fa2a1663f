//! Heartbeats of executors and what they are told: on core NATS, since none of it has to outlive
//! the moment.

use std::time::Duration;

use async_nats::{Request, RequestErrorKind, Subscriber};
use futures::StreamExt as _;
use maestro_domain::{
    ExecutorId,
    report::{Order, Orders},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, EventLog, RequestError,
    request::{INBOX, encode},
};

/// Longest wait for the answer to a heartbeat: the next one comes soon.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Sign {
    executor: ExecutorId,
}

/// A sign of life that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whose.
    pub executor: ExecutorId,
    /// Where it waits for [`EventLog::answer_heartbeat`].
    pub reply_to: String,
}

impl EventLog {
    /// Tells the leading conductor that this executor lives. Waits at most 2 s for what it has to
    /// do.
    ///
    /// # Errors
    /// [`RequestError::Unavailable`] when the broker is away or no conductor leads,
    /// [`RequestError::TimedOut`] when the one that leads does not answer.
    pub async fn heartbeat(&self, executor: ExecutorId) -> Result<Orders, RequestError> {
        if !self.connected() {
            return Err(RequestError::Unavailable);
        }
        let request = Request::new()
            .payload(encode(&Sign { executor })?)
            .timeout(Some(ANSWERED_WITHIN));
        let client = self.broker().client();
        let subject = self.names().heartbeats();
        match client.send_request(subject, request).await {
            Ok(answer) => {
                serde_json::from_slice(&answer.payload).map_err(|error| Error::Answer(error).into())
            }
            Err(error) if error.kind() == RequestErrorKind::TimedOut => Err(RequestError::TimedOut),
            Err(_) => Err(RequestError::Unavailable),
        }
    }

    /// Receives the heartbeats of all executors, from now on and across lost connections.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn heartbeats(&self) -> Result<Heartbeats, Error> {
        Ok(Heartbeats(self.subscribe(self.names().heartbeats()).await?))
    }

    /// Answers a heartbeat. Nobody may be waiting any more.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn answer_heartbeat(&self, reply_to: &str, orders: &Orders) -> Result<(), Error> {
        if !reply_to.starts_with(INBOX) {
            return Err(Error::Settings("answers go to inboxes only"));
        }
        self.tell(reply_to.to_owned(), orders).await
    }

    /// Tells one executor what to do, without knowing whether it hears it: the answer to its next
    /// heartbeat says the same.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn order(&self, executor: ExecutorId, order: &Order) -> Result<(), Error> {
        self.tell(self.names().orders(executor), order).await
    }

    /// Receives the orders to one executor, from now on and across lost connections.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn orders(&self, executor: ExecutorId) -> Result<OrderFeed, Error> {
        let subject = self.names().orders(executor);
        Ok(OrderFeed(self.subscribe(subject).await?))
    }

    async fn subscribe(&self, subject: String) -> Result<Subscriber, Error> {
        let subscribed = self.broker().client().subscribe(subject).await;
        subscribed.map_err(|_| Error::Unavailable)
    }

    async fn tell(&self, subject: String, what: &impl Serialize) -> Result<(), Error> {
        if !self.connected() {
            return Err(Error::Unavailable);
        }
        let told = self.broker().client().publish(subject, encode(what)?);
        told.await.map_err(|_| Error::Unavailable)
    }
}

/// Heartbeats as they come. One that cannot be read is left out.
#[derive(Debug)]
pub struct Heartbeats(Subscriber);

impl Heartbeats {
    /// The next one; `None` when the connection is closed for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heartbeat> {
        loop {
            let message = self.0.next().await?;
            let sign = serde_json::from_slice::<Sign>(&message.payload);
            if let (Ok(Sign { executor }), Some(reply)) = (sign, message.reply) {
                return Some(Heartbeat {
                    executor,
                    reply_to: reply.to_string(),
                });
            }
            tracing::debug!("a heartbeat cannot be read");
        }
    }
}

/// Orders to one executor as they come. One that cannot be read is left out.
#[derive(Debug)]
pub struct OrderFeed(Subscriber);

impl OrderFeed {
    /// The next one; `None` when the connection is closed for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Order> {
        loop {
            match serde_json::from_slice(&self.0.next().await?.payload) {
                Ok(order) => return Some(order),
                Err(error) => tracing::debug!(%error, "an order cannot be read"),
            }
        }
    }
}
