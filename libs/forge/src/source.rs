//! What every source host offers, and which ones there are.

use http::HeaderMap;
use maestro_domain::{
    DeliveryFacts, Timestamp,
    ids::{DeliveryId, Provider},
};

use crate::{
    error::{BodyError, HeaderError, ReduceError, SignatureError},
    github::GitHub,
    signature::Signature,
};

/// How a body carries its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The body is the JSON.
    Json,
    /// The JSON is the `payload` field of a form.
    Form,
}

/// What the headers of a webhook request say, its signature aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The host's id for the delivery.
    pub delivery: DeliveryId,
    /// Event name: 1 to 64 characters out of `A-Z a-z 0-9 _ -`.
    pub event: String,
    /// The host's id of the webhook that sent it.
    pub hook: Option<String>,
    /// How the body carries its JSON.
    pub encoding: Encoding,
}

/// What a look at a body tells before it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Owner and name of the repository, where the payload names one.
    pub repository: Option<(String, String)>,
}

/// A stored delivery.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The host's id for it.
    pub id: &'a DeliveryId,
    /// Event name.
    pub event: &'a str,
    /// How the body carries its JSON.
    pub encoding: Encoding,
    /// The raw body, byte for byte.
    pub body: &'a [u8],
    /// When it was stored.
    pub received_at: Timestamp,
}

/// A source host that sends webhooks.
pub trait Source: Send + Sync {
    /// Its name in addresses, subjects and ids.
    fn provider(&self) -> &Provider;

    /// Reads the headers that a delivery cannot do without.
    ///
    /// # Errors
    /// The first header that is missing, repeated or malformed.
    fn envelope(&self, headers: &HeaderMap) -> Result<Envelope, HeaderError>;

    /// Reads the signature to be verified over the raw body.
    ///
    /// # Errors
    /// Missing or malformed.
    fn signature(&self, headers: &HeaderMap) -> Result<Signature, SignatureError>;

    /// Checks cheaply that a body is one JSON object and finds its repository.
    ///
    /// # Errors
    /// Whatever makes the body unreadable for [`Source::reduce`] and can be seen without building
    /// the values.
    fn outline(&self, encoding: Encoding, body: &[u8]) -> Result<Outline, BodyError>;

    /// Reduces a stored delivery to bounded facts. Pure: the same delivery gives the same facts.
    ///
    /// # Errors
    /// A body that is not acceptable JSON, or a field of another type than documented.
    fn reduce(&self, received: &Received<'_>) -> Result<DeliveryFacts, ReduceError>;
}

/// All source hosts.
#[must_use]
pub fn sources() -> &'static [&'static dyn Source] {
    &[&GitHub]
}

/// The source host of that name.
#[must_use]
pub fn source(provider: &Provider) -> Option<&'static dyn Source> {
    sources()
        .iter()
        .copied()
        .find(|source| source.provider() == provider)
}
