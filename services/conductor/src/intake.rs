//! Input streams, read in order from the cursors and decoded ahead of the decision.

use std::sync::Arc;

use futures::StreamExt as _;
use maestro_domain::{
    DeliveryFacts, DeliveryId, State,
    core::{Input, Origin},
    event::InputProblem,
};
use maestro_eventlog::{Delivery, EventLog, Message, ReadError, Reader, Stream};
use maestro_forge::{Encoding, Received};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, error::Error, load::INPUTS};

/// Longest body reduced on the reader's own thread, in bytes.
const INLINE: usize = 64 * 1024;

/// One input, ready to be decided.
pub(crate) struct Incoming {
    pub(crate) origin: Origin,
    pub(crate) input: Input,
    pub(crate) traceparent: Option<String>,
    pub(crate) reply_to: Option<String>,
}

/// The three streams.
pub(crate) struct Intake {
    pub(crate) commands: mpsc::Receiver<Result<Incoming, Error>>,
    pub(crate) reports: mpsc::Receiver<Result<Incoming, Error>>,
    pub(crate) deliveries: mpsc::Receiver<Result<Incoming, Error>>,
}

impl Intake {
    /// Starts reading behind the cursors of `state`, until `stop`.
    pub(crate) async fn open(
        config: &Config,
        log: &EventLog,
        state: &State,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let mut receivers = Vec::new();
        for (stream, name) in INPUTS {
            let (next, of) = position(log, state, stream, name).await?;
            let source = Source {
                log: log.clone(),
                stream,
                name,
                of: of.into(),
            };
            let (sender, receiver) = mpsc::channel(config.decode_ahead);
            let work = pump(source, next, config.decode_ahead, sender);
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(work).await });
            receivers.push(receiver);
        }
        let mut receivers = receivers.into_iter();
        let mut take = || receivers.next().expect("one receiver an input stream");
        Ok(Self {
            commands: take(),
            reports: take(),
            deliveries: take(),
        })
    }
}

/// Where to go on reading, after checking that the cursor belongs to this stream.
async fn position(
    log: &EventLog,
    state: &State,
    stream: Stream,
    name: &'static str,
) -> Result<(u64, String), Error> {
    let found = log.stream_state(stream).await?;
    let Some(cursor) = state.cursors.get(name) else {
        return Ok((found.first_seq.max(1), found.incarnation));
    };
    if cursor.of != found.incarnation {
        let expected = cursor.of.clone();
        return Err(Error::Incarnation {
            stream: name,
            expected,
            found: found.incarnation,
        });
    }
    if cursor.seq > found.last_seq {
        return Err(Error::CursorAhead {
            stream: name,
            cursor: cursor.seq,
            last: found.last_seq,
        });
    }
    Ok((cursor.seq + 1, found.incarnation))
}

struct Source {
    log: EventLog,
    stream: Stream,
    name: &'static str,
    of: Arc<str>,
}

impl Source {
    fn origin(&self, seq: u64) -> Origin {
        Origin {
            stream: self.name,
            of: self.of.to_string(),
            seq,
        }
    }
}

async fn pump(
    source: Source,
    next: u64,
    ahead: usize,
    sender: mpsc::Sender<Result<Incoming, Error>>,
) {
    let (raw, messages) = mpsc::channel(ahead);
    let reader = source.log.read(source.stream, next);
    let source = &source;
    let mut decoded = ReceiverStream::new(messages)
        .map(|message| async move {
            match message {
                Ok(message) => decode(source, message).await,
                Err(error) => lost_or_failed(source, error),
            }
        })
        .buffered(ahead);
    let forward = async {
        while let Some(incoming) = decoded.next().await {
            if sender.send(incoming).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(read(reader, raw), forward);
}

async fn read(mut reader: Reader, raw: mpsc::Sender<Result<Message, ReadError>>) {
    loop {
        let message = reader.next().await;
        let last = matches!(&message, Err(error) if !matches!(error, ReadError::Gap { .. }));
        if raw.send(message).await.is_err() || last {
            return;
        }
    }
}

fn lost_or_failed(source: &Source, error: ReadError) -> Result<Incoming, Error> {
    let ReadError::Gap {
        expected, found, ..
    } = error
    else {
        return Err(Error::Read {
            stream: source.name,
            source: error,
        });
    };
    tracing::error!(
        stream = source.name,
        from = expected,
        to = found - 1,
        "inputs were gone before they were read"
    );
    Ok(Incoming {
        origin: source.origin(found - 1),
        input: Input::Lost { from: expected },
        traceparent: None,
        reply_to: None,
    })
}

async fn decode(source: &Source, message: Message) -> Result<Incoming, Error> {
    let input = match source.stream {
        Stream::Commands => json(&message).map(|command| Input::Command(Box::new(command))),
        Stream::Reports => json(&message).map(|report| Input::Report(Box::new(report))),
        _ => delivery(source, &message).await?,
    };
    let input = input.unwrap_or_else(|| {
        tracing::error!(
            stream = source.name,
            seq = message.seq,
            "input cannot be decoded; parked"
        );
        Input::Poison {
            problem: InputProblem::Undecodable,
            delivery: delivery_id(&message),
        }
    });
    Ok(Incoming {
        origin: source.origin(message.seq),
        input,
        traceparent: message.traceparent,
        reply_to: message.reply_to,
    })
}

fn json<T: DeserializeOwned>(message: &Message) -> Option<T> {
    serde_json::from_slice(&message.payload).ok()
}

/// The bounded facts of a delivery; `None` when it is no delivery at all.
async fn delivery(source: &Source, message: &Message) -> Result<Option<Input>, Error> {
    let delivery = match source.log.decode_delivery(message).await {
        Ok(delivery) => delivery,
        Err(error) if error.is_unavailable() => {
            return Err(maestro_eventlog::Error::Unavailable.into());
        }
        Err(_) => return Ok(None),
    };
    let Some(host) = maestro_forge::source(&delivery.provider) else {
        return Ok(None);
    };
    let facts = facts_of(host, delivery).await;
    Ok(facts.map(|facts| Input::Delivery(Box::new(facts))))
}

/// Parsing megabytes takes long: on a thread of its own it keeps nobody from renewing the lease.
async fn facts_of(
    host: &'static dyn maestro_forge::Source,
    delivery: Delivery,
) -> Option<DeliveryFacts> {
    if delivery.body.len() <= INLINE {
        return reduce(host, &delivery);
    }
    let reduced = tokio::task::spawn_blocking(move || reduce(host, &delivery)).await;
    reduced.unwrap_or_default()
}

fn reduce(host: &dyn maestro_forge::Source, delivery: &Delivery) -> Option<DeliveryFacts> {
    let encoding = if delivery.form {
        Encoding::Form
    } else {
        Encoding::Json
    };
    let received = Received {
        id: &delivery.id,
        event: &delivery.event,
        encoding,
        body: &delivery.body,
        received_at: delivery.received_at,
    };
    let reduced = host.reduce(&received).inspect_err(|error| {
        tracing::error!(delivery.id = %delivery.id, code = error.code(), "not reducible to facts");
    });
    reduced.ok()
}

/// The delivery id is the last token of the subject, so even an undecodable one can be named.
fn delivery_id(message: &Message) -> Option<DeliveryId> {
    message.subject.rsplit('.').next()?.parse().ok()
}
