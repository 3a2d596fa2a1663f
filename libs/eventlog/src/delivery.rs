//! Webhook deliveries as they are stored.

use async_nats::HeaderMap;
use bytes::Bytes;
use maestro_domain::{DeliveryId, Provider, Timestamp};

use crate::{
    DecodeError, Message, header,
    subject::{escape, token, unescape},
};

/// Stands in a subject for a repository that is not there.
const NONE: &str = "_";

/// A verified webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The source host.
    pub provider: Provider,
    /// Event name, for example `issues`.
    pub event: String,
    /// Owner and name of the repository, where the event has one.
    pub repository: Option<(String, String)>,
    /// The host's id for it.
    pub id: DeliveryId,
    /// The host's id of the hook that sent it.
    pub hook_id: Option<String>,
    /// Whether the body is form-encoded.
    pub form: bool,
    /// The raw body, byte for byte.
    pub body: Bytes,
    /// When it came in.
    pub received_at: Timestamp,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .field("event", &self.event)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Delivery {
    /// The end of its subject: `<provider>.<event>.<owner>.<repository>.<id>`.
    pub(crate) fn subject(&self) -> String {
        let (owner, name) = match &self.repository {
            Some((owner, name)) => (token(owner), token(name)),
            None => (NONE.to_owned(), NONE.to_owned()),
        };
        let event = token(&self.event);
        format!("{}.{event}.{owner}.{name}.{}", self.provider, self.id)
    }

    /// Adds what the subject and the body do not say.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::RECEIVED, self.received_at.to_string());
        put_long(headers, header::EVENT, &self.event);
        if let Some((owner, name)) = &self.repository {
            put_long(headers, header::OWNER, owner);
            put_long(headers, header::REPOSITORY, name);
        }
        if let Some(hook) = &self.hook_id {
            headers.insert(header::HOOK, escape(hook));
        }
        if self.form {
            headers.insert(header::FORM, "1");
        }
        header::put_traceparent(headers, self.traceparent.as_deref());
    }

    /// Reads a stored message; the body may be stored elsewhere.
    pub(crate) fn decode(message: &Message, body: Bytes) -> Result<Self, DecodeError> {
        let headers = &message.headers;
        let mut tokens = message.subject.rsplit('.');
        let mut next = || tokens.next().ok_or(DecodeError::Subject);
        let (id, name, owner, event, provider) = (next()?, next()?, next()?, next()?, next()?);
        let repository = if owner == NONE {
            None
        } else {
            let owner = long(headers, header::OWNER, owner)?;
            Some((owner, long(headers, header::REPOSITORY, name)?))
        };
        Ok(Self {
            provider: provider.parse().map_err(|_| DecodeError::Subject)?,
            event: long(headers, header::EVENT, event)?,
            repository,
            id: id.parse().map_err(|_| DecodeError::Subject)?,
            hook_id: header::text(headers, header::HOOK)?,
            form: header::get(headers, header::FORM).is_some(),
            body,
            received_at: Timestamp::parse(header::need(headers, header::RECEIVED)?)
                .ok_or(DecodeError::Header(header::RECEIVED))?,
            traceparent: message.traceparent.clone(),
        })
    }
}

/// Adds a text for which the subject has a digest only.
fn put_long(headers: &mut HeaderMap, name: &'static str, text: &str) {
    let escaped = escape(text);
    if token(text) != escaped {
        headers.insert(name, escaped);
    }
}

/// A text from its header, or else from its token of the subject.
fn long(headers: &HeaderMap, name: &'static str, token: &str) -> Result<String, DecodeError> {
    match header::text(headers, name)? {
        Some(text) => Ok(text),
        None => unescape(token).ok_or(DecodeError::Subject),
    }
}

/// What became of a delivery handed to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is stored now.
    New {
        /// Its sequence in DELIVERIES.
        seq: u64,
    },
    /// It was stored before.
    Duplicate,
}
