//! Receiving a body within bounds of size, memory and time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::{
    config::Config,
    memory::{Held, Memory, Reservation, SMALL},
    refusal::Refusal,
};

/// Bytes beyond the limit that are still read and dropped before a refusal is sent: a connection
/// closed with unread bytes is reset, and the sender would miss the answer.
const DRAIN_BEYOND: usize = 1024 * 1024;

const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// A body in memory.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    /// How long it had to wait for memory.
    pub(crate) waited: Duration,
    /// Returns the memory when dropped.
    pub(crate) held: Held,
}

/// Reads the whole body.
pub(crate) async fn receive(
    body: &mut Body,
    announced: Option<u64>,
    config: &Config,
    memory: &Memory,
) -> Result<Received, Refusal> {
    let limit = config.body_limit;
    let too_large = Refusal::TooLarge { limit };
    let total = match announced.map(usize::try_from) {
        None => limit,
        Some(Ok(length)) if length <= limit => length,
        Some(_) => return Err(too_large),
    };
    let mut reservation = memory.reservation(config.memory_wait());
    let mut deadline = Instant::now() + config.body_timeout();
    let mut waited = Duration::ZERO;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next(body, deadline).await? {
        let held = bytes.len() + chunk.len();
        if held > total {
            return Err(too_large);
        }
        let wait = cover(&mut reservation, held, total).await?;
        waited += wait;
        deadline += wait;
        if announced.is_some() && chunk.len() == total {
            // All of it at once, as usual: it need not be copied.
            let held = reservation.into_held();
            let bytes = chunk;
            return Ok(Received {
                bytes,
                waited,
                held,
            });
        }
        if announced.is_some() && bytes.capacity() < held {
            bytes.reserve(room(held, total) - bytes.len());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Received {
        bytes: bytes.freeze(),
        waited,
        held: reservation.into_held(),
    })
}

/// How much to allocate for a body of `total` bytes of which `held` have arrived.
fn room(held: usize, total: usize) -> usize {
    if held <= SMALL {
        total.min(SMALL)
    } else {
        total
    }
}

async fn cover(
    reservation: &mut Reservation<'_>,
    held: usize,
    total: usize,
) -> Result<Duration, Refusal> {
    let covered = reservation.cover(held, total).await;
    covered.map_err(|_| Refusal::Busy)
}

async fn next(body: &mut Body, deadline: Instant) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = timeout_at(deadline, body.frame())
            .await
            .map_err(|_| Refusal::Slow)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refusal::Interrupted),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads and drops what the sender is still sending, within bounds.
pub(crate) async fn drain(mut body: Body, config: &Config) {
    let mut left = config.body_limit + DRAIN_BEYOND;
    let deadline = Instant::now() + DRAIN_WITHIN;
    while let Ok(Some(chunk)) = next(&mut body, deadline).await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
