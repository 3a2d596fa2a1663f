//! Stores deliveries, each id once.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    DecodeError, Delivery, Error, EventLog, Message, Stored, Stream,
    bodies::Reference,
    broker::{Ack, code},
    header,
    reader::Item,
};

/// Longest time for storing a delivery, its body in the message.
const STORED_WITHIN: Duration = Duration::from_millis(4_800);
/// Longest time when the body goes to the object store first.
const LONG_STORED_WITHIN: Duration = Duration::from_millis(7_000);
/// Longest wait for a connection before a delivery is refused.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for one acknowledgement before asking again.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(2);
/// Pause before asking again.
const PAUSE: Duration = Duration::from_millis(50);

impl EventLog {
    /// Stores a delivery unless one with its provider, event, repository and id is kept already.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the broker does not acknowledge within 5 s (7 s for bodies over
    /// 1 MiB). The delivery may be stored all the same: storing it again says
    /// [`Stored::Duplicate`] then.
    pub async fn store_delivery(&self, delivery: &Delivery) -> Result<Stored, Error> {
        let start = Instant::now();
        self.broker().until_up(start + CONNECTED_WITHIN).await?;
        let store = Storing::new(self, delivery);
        if self.inline(&delivery.body) {
            let body = delivery.body.clone();
            return store.run(None, body, start + STORED_WITHIN).await;
        }
        let deadline = start + LONG_STORED_WITHIN;
        let stored = tokio::time::timeout_at(deadline, store.with_reference(deadline)).await;
        stored.unwrap_or(Err(Error::Unavailable))
    }

    /// One stored delivery; `None` where there is none.
    ///
    /// # Errors
    /// When the broker is away or the message cannot be read.
    pub async fn delivery(&self, seq: u64) -> Result<Option<Delivery>, Error> {
        let stream = self.names().stream(Stream::Deliveries);
        let Some(found) = self.broker().message(&stream, seq).await? else {
            return Ok(None);
        };
        let Item {
            seq,
            at,
            subject,
            headers,
            payload,
            ..
        } = Item::from_stored(found);
        let message = Message::new(Stream::Deliveries, seq, subject, at, payload, headers);
        match self.decode_delivery(&message).await {
            Ok(delivery) => Ok(Some(delivery)),
            Err(error) if error.is_unavailable() => Err(Error::Unavailable),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a message of DELIVERIES, fetching its body where that is stored beside it.
    ///
    /// # Errors
    /// See [`DecodeError`]; [`DecodeError::is_unavailable`] says whether trying again helps.
    pub async fn decode_delivery(&self, message: &Message) -> Result<Delivery, DecodeError> {
        let body = match Reference::read(&message.headers)? {
            Some(reference) => self.load_body(&reference).await?,
            None => message.payload.clone(),
        };
        Delivery::decode(message, body)
    }
}

/// One delivery on its way.
struct Storing<'a> {
    log: &'a EventLog,
    delivery: &'a Delivery,
    subject: String,
    /// Tells a message of this call from that of another.
    nonce: String,
}

/// What one attempt led to.
enum Attempt {
    Stored(Stored),
    Again,
}

impl<'a> Storing<'a> {
    fn new(log: &'a EventLog, delivery: &'a Delivery) -> Self {
        Self {
            log,
            delivery,
            subject: log.names().subject("deliveries", delivery.subject()),
            nonce: hex::encode(rand::random::<[u8; 16]>()),
        }
    }

    fn headers(&self, reference: Option<&Reference>) -> HeaderMap {
        let mut headers = header::expecting(header::EXPECTED_LAST_SUBJECT_SEQ, 0);
        headers.insert(header::NONCE, self.nonce.as_str());
        self.delivery.write(&mut headers);
        if let Some(reference) = reference {
            reference.write(&mut headers);
        }
        headers
    }

    /// Puts the body into the object store, then the message that refers to it.
    async fn with_reference(&self, deadline: Instant) -> Result<Stored, Error> {
        if self.lookup().await?.is_some() {
            return Ok(Stored::Duplicate);
        }
        let reference = self.log.save_body(&self.delivery.body).await?;
        let stored = self.run(Some(&reference), Bytes::new(), deadline).await;
        if matches!(stored, Ok(Stored::Duplicate)) {
            self.log.delete_body(&reference).await;
        }
        stored
    }

    /// Publishes until the outcome is known. A repeated publish of a stored message is refused by
    /// the broker, and the nonce tells whose it is.
    async fn run(
        &self,
        reference: Option<&Reference>,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Stored, Error> {
        loop {
            let headers = self.headers(reference);
            match self.attempt(headers, payload.clone(), deadline).await {
                Ok(Attempt::Stored(stored)) => return Ok(stored),
                Ok(Attempt::Again) | Err(Error::Unavailable) => {}
                Err(error) => return Err(error),
            }
            if Instant::now() + PAUSE >= deadline {
                return Err(Error::Unavailable);
            }
            tokio::time::sleep(PAUSE).await;
            self.log.broker().until_up(deadline).await?;
        }
    }

    async fn attempt(
        &self,
        headers: HeaderMap,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Attempt, Error> {
        let within = deadline
            .saturating_duration_since(Instant::now())
            .min(ACKNOWLEDGED_WITHIN);
        let subject = self.subject.clone();
        let refused = match self
            .log
            .broker()
            .publish(subject, headers, payload, within)
            .await
        {
            Ok(Ack {
                seq,
                duplicate: false,
            }) => {
                return Ok(Attempt::Stored(Stored::New { seq }));
            }
            Ok(_)
            | Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE | code::SUBJECT_IN_PROCESS,
                ..
            }) => self.lookup(),
            Err(error) => return Err(error),
        };
        let found = tokio::time::timeout_at(deadline, refused).await;
        // Refused but not found: another publish of it is still being written.
        Ok(found
            .unwrap_or(Err(Error::Unavailable))?
            .map_or(Attempt::Again, Attempt::Stored))
    }

    /// Whether the delivery is stored, and by whom.
    async fn lookup(&self) -> Result<Option<Stored>, Error> {
        let stream = self.log.names().stream(Stream::Deliveries);
        let found = self.log.broker().last(&stream, &self.subject).await?;
        Ok(found.map(|message| {
            if header::get(&message.headers, header::NONCE) == Some(self.nonce.as_str()) {
                Stored::New {
                    seq: message.sequence,
                }
            } else {
                Stored::Duplicate
            }
        }))
    }
}
