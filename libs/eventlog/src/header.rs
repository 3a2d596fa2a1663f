//! Header names and values of stored messages.

use async_nats::HeaderMap;

use crate::{DecodeError, subject::unescape};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const REPLY: &str = "Maestro-Reply";
pub(crate) const NONCE: &str = "Maestro-Nonce";
pub(crate) const EVENT: &str = "Maestro-Event";
pub(crate) const OWNER: &str = "Maestro-Owner";
pub(crate) const REPOSITORY: &str = "Maestro-Repository";
pub(crate) const HOOK: &str = "Maestro-Hook";
pub(crate) const FORM: &str = "Maestro-Form";
pub(crate) const RECEIVED: &str = "Maestro-Received";
pub(crate) const BODY: &str = "Maestro-Body";
pub(crate) const BODY_DIGEST: &str = "Maestro-Body-Digest";
pub(crate) const OUTPUT: &str = "Maestro-Output";
pub(crate) const NEXT_STDOUT: &str = "Maestro-Next-Stdout";
pub(crate) const NEXT_STDERR: &str = "Maestro-Next-Stderr";
pub(crate) const NEXT_SYSTEM: &str = "Maestro-Next-System";
pub(crate) const AT: &str = "Maestro-At";
pub(crate) const ORIGIN: &str = "Maestro-Origin";
pub(crate) const WHY: &str = "Maestro-Why";
pub(crate) const END: &str = "end";

pub(crate) const EXPECTED_LAST_SEQ: &str = "Nats-Expected-Last-Sequence";
pub(crate) const EXPECTED_LAST_SUBJECT_SEQ: &str = "Nats-Expected-Last-Subject-Sequence";
pub(crate) const EXPECTED_LAST_ID: &str = "Nats-Expected-Last-Msg-Id";
pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";
pub(crate) const TTL: &str = "Nats-TTL";
pub(crate) const ROLLUP: &str = "Nats-Rollup";
pub(crate) const KV_OPERATION: &str = "KV-Operation";

/// The last value of a header.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_last(name).map(|value| value.as_str())
}

/// A header that must be there.
pub(crate) fn need<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, DecodeError> {
    get(headers, name).ok_or(DecodeError::Header(name))
}

/// A header that must be there and parse.
pub(crate) fn parse<T: std::str::FromStr>(
    headers: &HeaderMap,
    name: &'static str,
) -> Result<T, DecodeError> {
    need(headers, name)?
        .parse()
        .map_err(|_| DecodeError::Header(name))
}

/// A text that stands escaped in a header; `None` when the header is absent.
pub(crate) fn text(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, DecodeError> {
    get(headers, name)
        .map(|value| unescape(value).ok_or(DecodeError::Header(name)))
        .transpose()
}

/// Adds a trace context, unless it could not stand in a header.
pub(crate) fn put_traceparent(headers: &mut HeaderMap, traceparent: Option<&str>) {
    if let Some(value) = traceparent
        && !value.is_empty()
        && value.len() <= 128
        && value.bytes().all(|byte| byte.is_ascii_graphic())
    {
        headers.insert(TRACEPARENT, value);
    }
}

/// Headers with one entry for the broker to check.
pub(crate) fn expecting(name: &'static str, sequence: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, sequence.to_string());
    headers
}
