//! One consumer on the broker, as long as it lasts: keeps pull requests standing and takes in
//! what they bring.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, Subscriber, jetstream::message::StreamMessage};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use maestro_domain::Timestamp;
use serde_json::json;
use tokio::{sync::watch, task::unconstrained, time::Instant};

use super::position;
use crate::broker::{Broker, Link};

/// How long a pull request stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often the broker says that a standing request is alive.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Silence after which the consumer counts as lost.
const SILENCE: Duration = Duration::from_secs(12);
/// Most bytes one pull request brings.
const PULL_BYTES: u64 = 4 << 20;

/// A delivered message.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) delivered: i64,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
    /// Where acknowledgements go.
    pub(crate) reply: String,
}

impl Item {
    pub(crate) fn from_stored(message: StreamMessage) -> Self {
        let millis = i64::try_from(message.time.unix_timestamp_nanos() / 1_000_000);
        Self {
            seq: message.sequence,
            at: Timestamp::from_millis(millis.unwrap_or_default()),
            delivered: 1,
            subject: message.subject.into_string(),
            headers: message.headers,
            payload: message.payload,
            reply: String::new(),
        }
    }
}

/// The consumer is lost, or a message of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// How a consumer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In order; anything out of order breaks the session. Up to this many messages ahead.
    Ordered {
        /// Messages asked for ahead of the caller.
        window: u64,
    },
    /// One message at a time, redeliveries included.
    Queue,
}

/// A subscription that a consumer's messages come in on.
pub(crate) struct Session {
    broker: Broker,
    stream: String,
    consumer: String,
    inbox: String,
    incoming: Subscriber,
    mode: Mode,
    link: watch::Receiver<Link>,
    epoch: u64,
    /// Messages asked for and not yet here.
    outstanding: u64,
    /// The next message is longer than a pull request may bring.
    oversize: bool,
    consumer_seq: u64,
    pub(crate) pending: u64,
    /// Whether anything came in.
    pub(crate) heard: bool,
    heard_at: Instant,
}

/// Identity of a session's consumer.
pub(crate) struct Target {
    pub(crate) stream: String,
    pub(crate) consumer: String,
    pub(crate) inbox: String,
    pub(crate) incoming: Subscriber,
    pub(crate) pending: u64,
    pub(crate) epoch: u64,
}

impl Session {
    pub(crate) fn new(broker: Broker, target: Target, mode: Mode) -> Self {
        let Target {
            stream,
            consumer,
            inbox,
            incoming,
            pending,
            epoch,
        } = target;
        Self {
            link: broker.link(),
            epoch,
            broker,
            stream,
            consumer,
            inbox,
            incoming,
            mode,
            outstanding: 0,
            oversize: false,
            consumer_seq: 0,
            pending,
            heard: false,
            heard_at: Instant::now(),
        }
    }

    /// Waits for a message. May be cancelled without losing one.
    pub(crate) async fn next(&mut self) -> Result<Item, Broken> {
        // Messages that are here already must not keep other tasks from their turn.
        tokio::task::coop::consume_budget().await;
        loop {
            if let Some(item) = self.ready()? {
                return Ok(item);
            }
            let epoch = self.epoch;
            let deadline = self.heard_at + SILENCE;
            let message = tokio::select! {
                biased;
                message = self.incoming.next() => message.ok_or(Broken)?,
                _ = self.link.wait_for(|link| !link.up || link.epoch != epoch) => return Err(Broken),
                () = tokio::time::sleep_until(deadline) => return Err(Broken),
            };
            if let Some(item) = self.take(message)? {
                return Ok(item);
            }
        }
    }

    /// A message that is already here.
    pub(crate) fn ready(&mut self) -> Result<Option<Item>, Broken> {
        loop {
            self.pull()?;
            match unconstrained(self.incoming.next()).now_or_never() {
                None => return Ok(None),
                Some(None) => return Err(Broken),
                Some(Some(message)) => {
                    if let Some(item) = self.take(message)? {
                        return Ok(Some(item));
                    }
                }
            }
        }
    }

    /// Keeps enough messages asked for.
    fn pull(&mut self) -> Result<(), Broken> {
        let window = match self.mode {
            Mode::Ordered { .. } if self.oversize => 1,
            Mode::Ordered { window } => window,
            Mode::Queue => 1,
        };
        if self.outstanding > window / 2 {
            return Ok(());
        }
        let batch = window - self.outstanding;
        let mut request = json!({
            "batch": batch,
            "expires": nanos(EXPIRES),
            "idle_heartbeat": nanos(HEARTBEAT),
        });
        if batch > 1 {
            request["max_bytes"] = PULL_BYTES.into();
        }
        let subject = format!(
            "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
            self.stream, self.consumer
        );
        let payload = Bytes::from(request.to_string());
        let send = self
            .broker
            .client()
            .publish_with_reply(subject, self.inbox.clone(), payload);
        match unconstrained(send).now_or_never() {
            Some(Ok(())) => {
                self.outstanding += batch;
                Ok(())
            }
            _ => Err(Broken),
        }
    }

    /// Takes in a message or a status of the broker.
    fn take(&mut self, message: async_nats::Message) -> Result<Option<Item>, Broken> {
        self.heard_at = Instant::now();
        if let Some(status) = message.status {
            self.status(status, &message)?;
            return Ok(None);
        }
        let reply = message
            .reply
            .map(async_nats::Subject::into_string)
            .unwrap_or_default();
        let position = position::parse(&reply).ok_or(Broken)?;
        if matches!(self.mode, Mode::Ordered { .. })
            && position.consumer_seq != self.consumer_seq + 1
        {
            tracing::warn!(
                stream.name = %self.stream, stream.seq = position.stream_seq,
                "a message got lost on the way, asking again"
            );
            return Err(Broken);
        }
        self.heard = true;
        self.oversize = false;
        self.consumer_seq = position.consumer_seq;
        self.outstanding = self.outstanding.saturating_sub(1);
        self.pending = position.pending;
        Ok(Some(Item {
            seq: position.stream_seq,
            at: position.at,
            delivered: position.delivered,
            subject: message.subject.into_string(),
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
            reply,
        }))
    }

    fn status(&mut self, status: StatusCode, message: &async_nats::Message) -> Result<(), Broken> {
        if status == StatusCode::IDLE_HEARTBEAT {
            self.heard = true;
            return Ok(());
        }
        let description = message.description.as_deref().unwrap_or_default();
        let oversize = description.contains("MaxBytes");
        let ended = status == StatusCode::TIMEOUT
            || status == StatusCode::NOT_FOUND
            || oversize
            || description.contains("Batch Completed");
        if !ended {
            tracing::debug!(
                stream.name = %self.stream, broker.status = status.as_u16(),
                broker.description = description, "the consumer is lost"
            );
            return Err(Broken);
        }
        let unserved = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Pending-Messages"))
            .and_then(|count| count.as_str().parse().ok())
            .unwrap_or(self.outstanding);
        self.heard = true;
        self.outstanding = self.outstanding.saturating_sub(unserved);
        self.oversize = oversize;
        Ok(())
    }
}

impl Drop for Session {
    /// Asks the broker to forget an ordered consumer; it would anyway after half a minute.
    fn drop(&mut self) {
        if matches!(self.mode, Mode::Queue) || !self.broker.connected() {
            return;
        }
        let client = self.broker.client();
        let subject = format!("$JS.API.CONSUMER.DELETE.{}.{}", self.stream, self.consumer);
        let send = client.publish_with_reply(subject, client.new_inbox(), Bytes::new());
        let _ = unconstrained(send).now_or_never();
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
