//! Makes a consumer on the broker and subscribes to it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, ReplayPolicy};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Start,
    session::{Mode, Session, Target},
};
use crate::{Error, broker::Broker};

/// Messages an ordered consumer brings ahead of its reader.
const WINDOW: u64 = 2_000;
/// How long the broker keeps an ordered consumer that nobody reads.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// What is read.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// The stream's name on the broker.
    pub(crate) stream: String,
    pub(crate) consumer: Consumer,
}

/// How it is read.
#[derive(Debug, Clone)]
pub(crate) enum Consumer {
    /// In order, by a consumer of this session only.
    Ordered {
        filter: Option<String>,
        headers_only: bool,
    },
    /// As work, by a durable consumer that is shared.
    Queue(Box<Config>),
}

/// Why a consumer cannot be had, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedError {
    Recreated,
    Gone,
    Behind { expected: u64, last_seq: u64 },
}

/// A new session and what was learnt on the way.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) incarnation: String,
    /// Where it starts, with [`Start::New`] and [`Start::All`] pinned to a sequence.
    pub(crate) start: Start,
}

/// Waits that grow from 20 ms to 2 s.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    tried: u32,
}

impl Pause {
    pub(crate) const fn after(tried: u32) -> Self {
        Self { tried }
    }

    pub(crate) async fn wait(&mut self) {
        let millis = 20_u64 << self.tried.min(7);
        self.tried += 1;
        tokio::time::sleep(Duration::from_millis(millis.min(2_000))).await;
    }
}

/// Opens a session, waiting for the broker as long as it takes.
pub(crate) async fn open(
    broker: Broker,
    spec: Spec,
    start: Start,
    known: Option<String>,
    failures: u32,
) -> Result<Opened, FeedError> {
    let mut pause = Pause::after(failures);
    if failures > 0 {
        pause.wait().await;
    }
    loop {
        match attempt(&broker, &spec, start, known.as_deref()).await {
            Ok(result) => return result,
            Err(error) => {
                if error.is_unavailable() {
                    tracing::debug!(stream.name = %spec.stream, "waiting for the broker");
                } else {
                    tracing::warn!(%error, stream.name = %spec.stream, "cannot read the stream");
                }
                pause.wait().await;
            }
        }
    }
}

async fn attempt(
    broker: &Broker,
    spec: &Spec,
    start: Start,
    known: Option<&str>,
) -> Result<Result<Opened, FeedError>, Error> {
    broker
        .until_up(Instant::now() + Duration::from_secs(3_600))
        .await?;
    let epoch = broker.link().borrow().epoch;
    let state = match broker.stream_state(&spec.stream).await {
        Err(Error::NoStream { .. }) => return Ok(Err(FeedError::Gone)),
        other => other?,
    };
    if known.is_some_and(|known| known != state.incarnation) {
        return Ok(Err(FeedError::Recreated));
    }
    let start = match start {
        Start::New => Start::Seq(state.last_seq + 1),
        Start::All => Start::Seq(1),
        start => start,
    };
    if let Start::Seq(expected) = start
        && expected > state.last_seq + 1
    {
        return Ok(Err(FeedError::Behind {
            expected,
            last_seq: state.last_seq,
        }));
    }
    let inbox = broker.client().new_inbox();
    let incoming = broker
        .client()
        .subscribe(inbox.clone())
        .await
        .map_err(|_| Error::Unavailable)?;
    let (config, mode) = match &spec.consumer {
        Consumer::Ordered {
            filter,
            headers_only,
        } => (
            ordered(filter.as_deref(), *headers_only, start),
            Mode::Ordered { window: WINDOW },
        ),
        Consumer::Queue(config) => ((**config).clone(), Mode::Queue),
    };
    let consumer = config.name.clone().unwrap_or_default();
    let pending = match create(broker, &spec.stream, &config).await {
        Err(Error::NoStream { .. }) => return Ok(Err(FeedError::Gone)),
        other => other?,
    };
    let stream = spec.stream.clone();
    let target = Target {
        stream,
        consumer,
        inbox,
        incoming,
        pending,
        epoch,
    };
    let session = Session::new(broker.clone(), target, mode);
    Ok(Ok(Opened {
        session,
        incarnation: state.incarnation,
        start,
    }))
}

fn ordered(filter: Option<&str>, headers_only: bool, start: Start) -> Config {
    let deliver_policy = match start {
        Start::Seq(start_sequence) => DeliverPolicy::ByStartSequence { start_sequence },
        Start::Time(at) => {
            let nanos = i128::from(at.millis()) * 1_000_000;
            match time::OffsetDateTime::from_unix_timestamp_nanos(nanos) {
                Ok(start_time) => DeliverPolicy::ByStartTime { start_time },
                Err(_) => DeliverPolicy::All,
            }
        }
        Start::New => DeliverPolicy::New,
        Start::All => DeliverPolicy::All,
    };
    Config {
        name: Some(format!("read-{}", uuid::Uuid::new_v4().simple())),
        deliver_policy,
        ack_policy: AckPolicy::None,
        replay_policy: ReplayPolicy::Instant,
        filter_subject: filter.unwrap_or_default().to_owned(),
        headers_only,
        inactive_threshold: FORGOTTEN_AFTER,
        num_replicas: 1,
        memory_storage: true,
        ..Config::default()
    }
}

/// Creates the consumer, or leaves it as it is, and says how many messages wait for it.
async fn create(broker: &Broker, stream: &str, config: &Config) -> Result<u64, Error> {
    #[derive(Deserialize)]
    struct Info {
        num_pending: u64,
    }
    let name = config.name.as_deref().unwrap_or_default();
    let mut api = format!("CONSUMER.CREATE.{stream}.{name}");
    if !config.filter_subject.is_empty() {
        api = format!("{api}.{}", config.filter_subject);
    }
    let body = json!({ "stream_name": stream, "config": config })
        .to_string()
        .into_bytes();
    let info: Info = broker.call(&api, body).await?;
    Ok(info.num_pending)
}
