//! A message as a reader hands it out.

use async_nats::HeaderMap;
use bytes::Bytes;
use maestro_domain::Timestamp;

use crate::{Stream, header};

/// A stored message.
#[derive(Clone)]
pub struct Message {
    /// The stream it is in.
    pub stream: Stream,
    /// Its sequence there.
    pub seq: u64,
    /// Its subject, prefix included.
    pub subject: String,
    /// When the broker stored it.
    pub at: Timestamp,
    /// Its payload.
    pub payload: Bytes,
    /// W3C trace context of whoever wrote it.
    pub traceparent: Option<String>,
    /// Where its writer waits for [`crate::EventLog::answer`].
    pub reply_to: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Message {
    pub(crate) fn new(
        stream: Stream,
        seq: u64,
        subject: String,
        at: Timestamp,
        payload: Bytes,
        headers: HeaderMap,
    ) -> Self {
        Self {
            stream,
            seq,
            subject,
            at,
            payload,
            traceparent: header::get(&headers, header::TRACEPARENT).map(str::to_owned),
            reply_to: header::get(&headers, header::REPLY).map(str::to_owned),
            headers,
        }
    }

    /// The last value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header::get(&self.headers, name)
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("stream", &self.stream)
            .field("seq", &self.seq)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
