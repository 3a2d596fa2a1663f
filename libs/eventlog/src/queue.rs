//! The executors' work queue.

use std::time::Duration;

use async_nats::{
    Request,
    jetstream::consumer::{AckPolicy, Config, DeliverPolicy},
};
use bytes::Bytes;
use maestro_domain::{Name, run::RunCommand};

use crate::{
    DecodeError, Error, EventLog, Stream,
    broker::{ANSWER_WITHIN, Broker},
    header,
    reader::{Consumer, Feed, FeedError, Item, Spec, Start},
    request::encode,
    subject::escape,
};

/// Time for acknowledging a command before it is delivered again.
///
/// Not longer after each delivery (`backoff`): the broker adds the difference to the delay asked
/// for with a negative acknowledgement.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// Commands one pool may hold without having acknowledged them.
const MAX_UNACKNOWLEDGED: i64 = 1_000;
/// How earlier versions asked for the end of a run; now an order says so.
const OBSOLETE: &str = ".cancel";

impl EventLog {
    /// Puts a command into its pool's queue. Sending the same command again within two minutes
    /// changes nothing.
    ///
    /// # Errors
    /// When the broker is away; it may be queued all the same.
    pub async fn send_run_command(
        &self,
        command: &RunCommand,
        traceparent: Option<&str>,
    ) -> Result<(), Error> {
        let execution = command.execution();
        let verb = command.verb();
        let id = format!(
            "{}.{}.{}.{verb}",
            execution.run, execution.attempt, execution.token
        );
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(header::MESSAGE_ID, id.as_str());
        header::put_traceparent(&mut headers, traceparent);
        let subject = self.names().run_commands(command.pool(), verb);
        self.broker()
            .publish(subject, headers, encode(command)?, ANSWER_WITHIN)
            .await?;
        Ok(())
    }

    /// Takes commands from a pool's queue. Several executors of a pool share them.
    ///
    /// # Errors
    /// When the broker is away or RUN_COMMANDS is missing. Afterwards the queue waits for the
    /// broker by itself.
    pub async fn run_commands(&self, pool: &Name) -> Result<RunCommands, Error> {
        let stream = self.names().stream(Stream::RunCommands);
        let durable = format!("pool-{pool}");
        let config = Config {
            name: Some(durable.clone()),
            durable_name: Some(durable),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: MAX_UNACKNOWLEDGED,
            filter_subject: self.names().run_commands(pool, ">"),
            ..Config::default()
        };
        self.broker().stream_state(&stream).await?;
        let spec = Spec {
            stream,
            consumer: Consumer::Queue(Box::new(config)),
        };
        Ok(RunCommands {
            broker: self.broker().clone(),
            parked: self.names().parked_run_commands(),
            feed: Feed::new(self.broker().clone(), spec, Start::All),
        })
    }
}

/// The commands of one pool.
pub struct RunCommands {
    broker: Broker,
    parked: String,
    feed: Feed,
}

impl RunCommands {
    /// Waits for the next command, for ever if need be. May be cancelled without losing one.
    /// Commands come one at a time: what is not asked for stays with the broker.
    ///
    /// # Errors
    /// When RUN_COMMANDS is missing; the next call looks again.
    pub async fn next(&mut self) -> Result<Job, Error> {
        loop {
            match self.feed.next().await {
                Ok(item) if item.subject.ends_with(OBSOLETE) => {
                    // Should it fail, the command comes again.
                    let _ = Job::new(self, item).term().await;
                }
                Ok(item) => return Ok(Job::new(self, item)),
                Err(FeedError::Gone | FeedError::Recreated | FeedError::Behind { .. }) => {
                    return Err(Error::NoStream {
                        stream: self.feed.stream().to_owned(),
                    });
                }
            }
        }
    }
}

impl std::fmt::Debug for RunCommands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunCommands")
            .field("stream", &self.feed.stream())
            .finish_non_exhaustive()
    }
}

/// A command in hand. Unless it is acknowledged within 5 s, it is delivered again.
pub struct Job {
    /// The command, or why it cannot be read.
    pub command: Result<RunCommand, DecodeError>,
    /// W3C trace context of the decision behind it.
    pub traceparent: Option<String>,
    /// How often it was delivered, this time included.
    pub delivered: i64,
    /// The payload as stored.
    pub payload: Bytes,
    seq: u64,
    subject: String,
    parked: String,
    broker: Broker,
    reply: String,
}

impl Job {
    fn new(queue: &RunCommands, item: Item) -> Self {
        Self {
            command: serde_json::from_slice(&item.payload).map_err(DecodeError::Payload),
            traceparent: header::get(&item.headers, header::TRACEPARENT).map(str::to_owned),
            delivered: item.delivered,
            payload: item.payload,
            seq: item.seq,
            subject: item.subject,
            parked: queue.parked.clone(),
            broker: queue.broker.clone(),
            reply: item.reply,
        }
    }

    /// Takes the command off the queue and waits for the broker's word on it.
    ///
    /// # Errors
    /// When the broker is away: the command may be delivered again.
    pub async fn ack(&self) -> Result<(), Error> {
        if !self.broker.connected() {
            return Err(Error::Unavailable);
        }
        let request = Request::new()
            .payload(Bytes::from_static(b"+ACK"))
            .timeout(Some(ANSWER_WITHIN));
        let answer = self
            .broker
            .client()
            .send_request(self.reply.clone(), request)
            .await;
        answer.map(|_| ()).map_err(|_| Error::Unavailable)
    }

    /// Puts the command back, to be delivered again after `delay`.
    ///
    /// # Errors
    /// When the broker is away: the command is delivered again in any case.
    pub async fn nak(&self, delay: Duration) -> Result<(), Error> {
        self.send(format!("-NAK {{\"delay\":{}}}", delay.as_nanos()).into())
            .await
    }

    /// Takes the command off the queue for good.
    ///
    /// # Errors
    /// When the broker is away: the command may be delivered again.
    pub async fn term(&self) -> Result<(), Error> {
        self.send(Bytes::from_static(b"+TERM")).await
    }

    /// Puts a command that cannot be carried out into PARKED, with the reason, and takes it off the
    /// queue.
    ///
    /// # Errors
    /// When the broker is away: the command is delivered again.
    pub async fn park(&self, why: &str) -> Result<(), Error> {
        let mut headers = async_nats::HeaderMap::new();
        let id = format!("{}.{}", self.parked, self.seq);
        headers.insert(header::MESSAGE_ID, id.as_str());
        headers.insert(header::ORIGIN, self.subject.as_str());
        headers.insert(header::WHY, escape(why).as_str());
        let payload = self.payload.clone();
        self.broker
            .publish(self.parked.clone(), headers, payload, ANSWER_WITHIN)
            .await?;
        self.term().await
    }

    /// Asks for another 5 s.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn progress(&self) -> Result<(), Error> {
        self.send(Bytes::from_static(b"+WPI")).await
    }

    async fn send(&self, word: Bytes) -> Result<(), Error> {
        if !self.broker.connected() {
            return Err(Error::Unavailable);
        }
        let publish = self.broker.client().publish(self.reply.clone(), word);
        publish.await.map_err(|_| Error::Unavailable)
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("command", &self.command)
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}
