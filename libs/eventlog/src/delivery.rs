//! Webhook deliveries as they are stored.

use bytes::Bytes;
use maestro_domain::{DeliveryId, Provider, Timestamp};

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
