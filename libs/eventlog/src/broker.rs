//! The connection: requests and publishes with an answer, each bounded in time.

use std::time::Duration;

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Request, RequestErrorKind,
    jetstream::{self, message::StreamMessage, stream::RawMessage},
};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{sync::watch, time::Instant};

use crate::{
    Error,
    address::{self, Address},
};

/// Longest wait for a first connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for one answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Longest wait for the acknowledgement of a commit or a piece of an object on a slow disk.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// JetStream's error codes that mean something to this crate.
pub(crate) mod code {
    pub(crate) const NO_MESSAGE: u64 = 10_037;
    pub(crate) const NO_ROOM: u64 = 10_047;
    pub(crate) const STREAM_NAME_IN_USE: u64 = 10_058;
    pub(crate) const STREAM_NOT_FOUND: u64 = 10_059;
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10_071;
    /// A message of the same subject is being written (replicated streams only).
    pub(crate) const SUBJECT_IN_PROCESS: u64 = 10_164;
}

/// One connection to the broker.
#[derive(Clone)]
pub(crate) struct Broker {
    client: Client,
    jetstream: jetstream::Context,
    link: watch::Receiver<Link>,
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) up: bool,
    /// Counts connections.
    pub(crate) epoch: u64,
}

/// The broker's acknowledgement of a publish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    pub(crate) seq: u64,
    pub(crate) duplicate: bool,
}

/// An acknowledgement as it comes: read in one go, since there are so many.
#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Failed { error: Failure },
    Done(T),
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Broker {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let address = address::parse(url)?;
        let deadline = Instant::now() + CONNECT_WITHIN;
        let (link_tx, link) = watch::channel(Link {
            up: false,
            epoch: 0,
        });
        let client = loop {
            match options(&address, link_tx.clone())
                .connect(address.servers.clone())
                .await
            {
                Ok(client) => break client,
                Err(error) => match error.kind() {
                    ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                        return Err(Error::Unauthorized);
                    }
                    kind if Instant::now() >= deadline => {
                        tracing::warn!(broker.error = %kind, "no connection to the broker");
                        return Err(Error::Unavailable);
                    }
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        };
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(WRITTEN_WITHIN)
            .build(client.clone());
        let broker = Self {
            client,
            jetstream,
            link,
        };
        broker.until_up(deadline).await?;
        Ok(broker)
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    pub(crate) fn connected(&self) -> bool {
        self.link.borrow().up
    }

    /// Ends when the connection that stands now is lost; at once when there is none.
    pub(crate) fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut link = self.link();
        let Link { up, epoch } = *link.borrow_and_update();
        async move {
            if up {
                let _ = link.wait_for(|link| !link.up || link.epoch != epoch).await;
            }
        }
    }

    /// Waits for the connection to stand.
    pub(crate) async fn until_up(&self, deadline: Instant) -> Result<(), Error> {
        if self.connected() {
            return Ok(());
        }
        let mut link = self.link();
        match tokio::time::timeout_at(deadline, link.wait_for(|link| link.up)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::Unavailable),
        }
    }

    /// A request to JetStream's API.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        api: &str,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let request = Request::new()
            .payload(body.into())
            .timeout(Some(ANSWER_WITHIN));
        let answer = self.request(format!("$JS.API.{api}"), request).await?;
        read(&answer).map_err(|error| match error {
            Error::NoStream { .. } => Error::NoStream {
                stream: api.split('.').nth_back(0).unwrap_or(api).to_owned(),
            },
            error => error,
        })
    }

    /// Publishes to a stream and waits for the acknowledgement. After [`Error::Unavailable`] the
    /// message may or may not be stored.
    pub(crate) async fn publish(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
        within: Duration,
    ) -> Result<Ack, Error> {
        let request = Request::new()
            .headers(headers)
            .payload(payload)
            .timeout(Some(within));
        let answer = self.request(subject, request).await?;
        let Acknowledgement {
            seq,
            duplicate,
            error,
        } = serde_json::from_slice(&answer).map_err(Error::Answer)?;
        error.map_or(Ok(Ack { seq, duplicate }), |error| Err(error.into()))
    }

    /// Sends a request; gives up as soon as the connection is lost, since the answer is too.
    async fn request(&self, subject: String, request: Request) -> Result<Bytes, Error> {
        let bytes = request.payload.as_ref().map_or(0, Bytes::len);
        if !self.connected() {
            return Err(Error::Unavailable);
        }
        let lost = self.lost();
        let answer = tokio::select! {
            biased;
            answer = self.client.send_request(subject, request) => answer,
            () = lost => return Err(Error::Unavailable),
        };
        match answer {
            Ok(message) => Ok(message.payload),
            Err(error) if error.kind() == RequestErrorKind::MaxPayloadExceeded => {
                Err(Error::TooLarge { bytes })
            }
            Err(_) => Err(Error::Unavailable),
        }
    }

    /// The last message of a subject, from the stream's leader.
    pub(crate) async fn last(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<StreamMessage>, Error> {
        self.get(stream, &json!({ "last_by_subj": subject })).await
    }

    /// One message by its sequence, from the stream's leader.
    pub(crate) async fn message(
        &self,
        stream: &str,
        seq: u64,
    ) -> Result<Option<StreamMessage>, Error> {
        self.get(stream, &json!({ "seq": seq })).await
    }

    /// The first message of a subject at a sequence or behind it, from the stream's leader.
    pub(crate) async fn following(
        &self,
        stream: &str,
        subject: &str,
        seq: u64,
    ) -> Result<Option<StreamMessage>, Error> {
        let what = json!({ "seq": seq, "next_by_subj": subject });
        self.get(stream, &what).await
    }

    async fn get(
        &self,
        stream: &str,
        what: &serde_json::Value,
    ) -> Result<Option<StreamMessage>, Error> {
        #[derive(Deserialize)]
        struct Found {
            message: RawMessage,
        }
        let body = what.to_string().into_bytes();
        match self
            .call::<Found>(&format!("STREAM.MSG.GET.{stream}"), body)
            .await
        {
            Ok(found) => StreamMessage::try_from(found.message)
                .map(Some)
                .map_err(|error| Error::Answer(serde::de::Error::custom(error))),
            Err(Error::Refused {
                code: code::NO_MESSAGE,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(answer).map_err(Error::Answer)? {
        Answer::Done(value) => Ok(value),
        Answer::Failed { error } => Err(error.into()),
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure.err_code {
            // JetStream is starting, has no leader yet, or lacks resources for the moment.
            _ if failure.code == 503 => Self::Unavailable,
            code::STREAM_NOT_FOUND => Self::NoStream {
                stream: String::new(),
            },
            code => Self::Refused {
                code,
                description: failure.description,
            },
        }
    }
}

fn options(address: &Address, link: watch::Sender<Link>) -> ConnectOptions {
    let options = match &address.credentials {
        Some((user, password)) => {
            ConnectOptions::with_user_and_password(user.clone(), password.clone())
        }
        None => ConnectOptions::new(),
    };
    options
        .name("maestro")
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(5))
        .request_timeout(Some(ANSWER_WITHIN))
        .client_capacity(8_192)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(20)
                .saturating_mul(1 << attempts.min(5))
                .min(Duration::from_millis(500))
        })
        .event_callback(move |event| {
            observe(&link, &event);
            async {}
        })
}

fn observe(link: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => {
            link.send_modify(|link| {
                *link = Link {
                    up: true,
                    epoch: link.epoch + 1,
                }
            });
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!("the connection to the broker is lost");
            metrics::counter!("maestro_broker_disconnects_total").increment(1);
            link.send_modify(|link| link.up = false);
        }
        Event::SlowConsumer(_) => tracing::warn!("a reader of the broker fell behind"),
        _ => {}
    }
}
