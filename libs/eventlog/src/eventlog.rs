//! The handle to the log.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;

use crate::{
    Error, Settings, Stream, StreamState, broker::Broker, definition::INCARNATION, names::Names,
};

/// Longest wait of [`EventLog::flush`].
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);

/// A handle to the log of one deployment: one connection, cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Broker,
    names: Names,
    replicas: usize,
}

impl EventLog {
    /// Connects; afterwards the connection is renewed for ever.
    ///
    /// # Errors
    /// When no server answers within 10 s, it refuses the credentials, or a setting is unusable.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let names = Names::new(&settings.prefix)?;
        if !(1..=5).contains(&settings.replicas) {
            return Err(Error::Settings("a stream has 1 to 5 replicas"));
        }
        let broker = Broker::connect(&settings.url).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                broker,
                names,
                replicas: settings.replicas,
            }),
        })
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.inner.broker
    }

    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    pub(crate) fn replicas(&self) -> usize {
        self.inner.replicas
    }

    /// Whether the connection stands at this moment.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.broker().connected()
    }

    /// Asks JetStream for a sign of life and says how long it took.
    ///
    /// # Errors
    /// When there is no answer within 3 s.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let start = tokio::time::Instant::now();
        self.broker()
            .call::<serde::de::IgnoredAny>("INFO", Vec::new())
            .await?;
        Ok(start.elapsed())
    }

    /// Waits until what was sent without an acknowledgement, such as answers, is out of this
    /// process; at most 2 s. For an orderly end.
    pub async fn flush(&self) {
        if self.connected() {
            let flush = self.broker().client().flush();
            let _ = tokio::time::timeout(FLUSHED_WITHIN, flush).await;
        }
    }

    /// What a stream holds, asked of its leader.
    ///
    /// # Errors
    /// When the broker is away or the stream is missing.
    pub async fn stream_state(&self, stream: Stream) -> Result<StreamState, Error> {
        self.broker()
            .stream_state(&self.names().stream(stream))
            .await
    }
}

impl Broker {
    pub(crate) async fn stream_state(&self, stream: &str) -> Result<StreamState, Error> {
        #[derive(Deserialize)]
        struct Info {
            config: Config,
            state: State,
        }
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            metadata: std::collections::HashMap<String, String>,
        }
        #[derive(Deserialize)]
        struct State {
            first_seq: u64,
            last_seq: u64,
            messages: u64,
            bytes: u64,
        }
        let mut info: Info = self
            .call(&format!("STREAM.INFO.{stream}"), Vec::new())
            .await?;
        Ok(StreamState {
            incarnation: info.config.metadata.remove(INCARNATION).unwrap_or_default(),
            first_seq: info.state.first_seq,
            last_seq: info.state.last_seq,
            messages: info.state.messages,
            bytes: info.state.bytes,
        })
    }
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLog")
            .field("names", self.names())
            .finish_non_exhaustive()
    }
}
