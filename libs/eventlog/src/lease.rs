//! Leadership: a lease with a time limit that the broker keeps.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

use crate::{
    Error, EventLog,
    broker::{Ack, code},
    header,
    names::Bucket,
    request::encode,
};

/// Pause between attempts at a renewal.
const PAUSE: Duration = Duration::from_millis(100);
/// Shortest time to live the broker knows.
const SHORTEST: Duration = Duration::from_secs(1);

/// A lease that its holder no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseLost {
    /// Somebody else has it, or the broker forgot it.
    #[error("the lease was lost to another holder")]
    Taken,
    /// It could not be renewed in time.
    #[error("the lease ran out before it could be renewed")]
    Expired,
}

/// A lease held.
#[derive(Debug)]
pub struct Lease {
    log: EventLog,
    subject: String,
    value: Bytes,
    nonce: String,
    ttl: Duration,
    seq: u64,
    expires_at: watch::Sender<Instant>,
}

/// Tells whether a lease is held at this moment, by the monotonic clock of this process. Clones
/// and outlives the lease.
#[derive(Debug, Clone)]
pub struct Holding(watch::Receiver<Instant>);

impl Holding {
    /// Whether nobody else can have the lease yet.
    #[must_use]
    pub fn is_held(&self) -> bool {
        // A lease that was dropped without being given up still ends by itself.
        Instant::now() < *self.0.borrow()
    }
}

#[derive(Serialize, Deserialize)]
struct Holder {
    holder: String,
    nonce: String,
}

impl EventLog {
    /// Tries once to take the lease `name` for `holder`; `None` while somebody has it. Without a
    /// renewal it ends after `ttl` (whole seconds, at least 1).
    ///
    /// A lease only keeps two from trying at once; what fences a writer is the log.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, Error> {
        let asked_at = Instant::now();
        let ttl = ttl.max(SHORTEST);
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let value = encode(&Holder {
            holder: holder.to_owned(),
            nonce: nonce.clone(),
        })?;
        let mut lease = Lease {
            log: self.clone(),
            subject: self
                .names()
                .kv_subject(Bucket::Leases, &crate::escape(name)),
            value,
            nonce,
            ttl,
            seq: 0,
            expires_at: watch::Sender::new(asked_at + ttl),
        };
        match lease.write(ttl).await {
            Ok(Ack { seq, .. }) => {
                lease.seq = seq;
                Ok(Some(lease))
            }
            Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE,
                ..
            }) => Ok(None),
            Err(Error::Unavailable) => lease.own().await.map(|own| {
                own.map(|seq| {
                    lease.seq = seq;
                    lease
                })
            }),
            Err(error) => Err(error),
        }
    }
}

impl Lease {
    /// Extends the lease by its time to live from now. Tries until it is lost.
    ///
    /// # Errors
    /// See [`LeaseLost`]. The holder must stop what the lease is for.
    pub async fn renew(&mut self) -> Result<(), LeaseLost> {
        loop {
            let asked_at = Instant::now();
            let expires_at = *self.expires_at.borrow();
            if asked_at >= expires_at {
                return Err(LeaseLost::Expired);
            }
            let renewed = tokio::time::timeout_at(expires_at, self.extend()).await;
            match renewed {
                Ok(Ok(Some(seq))) => {
                    self.seq = seq;
                    self.expires_at.send_replace(asked_at + self.ttl);
                    return Ok(());
                }
                Ok(Ok(None)) => {
                    self.expires_at.send_replace(asked_at);
                    return Err(LeaseLost::Taken);
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "cannot renew a lease yet");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => return Err(LeaseLost::Expired),
            }
        }
    }

    /// For whoever must not act once the lease is over.
    #[must_use]
    pub fn holding(&self) -> Holding {
        Holding(self.expires_at.subscribe())
    }

    /// Gives the lease up at once, so that nobody has to wait for its end.
    pub async fn release(self) {
        self.expires_at.send_replace(Instant::now());
        let stream = self.log.names().kv_stream(Bucket::Leases);
        let body = serde_json::json!({ "seq": self.seq, "no_erase": true }).to_string();
        let api = format!("STREAM.MSG.DELETE.{stream}");
        let deleted = self
            .log
            .broker()
            .call::<serde::de::IgnoredAny>(&api, body.into_bytes())
            .await;
        if let Err(error) = deleted {
            tracing::debug!(%error, "a lease ends by itself");
        }
    }

    /// The sequence of the extended lease; `None` when it is not ours any more.
    async fn extend(&self) -> Result<Option<u64>, Error> {
        match self.write(self.ttl).await {
            Ok(ack) => Ok(Some(ack.seq)),
            Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE,
                ..
            }) => {
                // An earlier attempt may have been stored without our knowing.
                self.own().await
            }
            Err(error) => Err(error),
        }
    }

    async fn write(&self, ttl: Duration) -> Result<Ack, Error> {
        let mut headers: HeaderMap = header::expecting(header::EXPECTED_LAST_SUBJECT_SEQ, self.seq);
        headers.insert(header::TTL, format!("{}s", ttl.as_secs()).as_str());
        let within = ttl.min(Duration::from_secs(2));
        self.log
            .broker()
            .publish(self.subject.clone(), headers, self.value.clone(), within)
            .await
    }

    /// The sequence of the lease on the broker, if it is ours.
    async fn own(&self) -> Result<Option<u64>, Error> {
        let stream = self.log.names().kv_stream(Bucket::Leases);
        let found = self.log.broker().last(&stream, &self.subject).await?;
        Ok(found.and_then(|message| {
            let holder: Holder = serde_json::from_slice(&message.payload).ok()?;
            (holder.nonce == self.nonce).then_some(message.sequence)
        }))
    }
}
