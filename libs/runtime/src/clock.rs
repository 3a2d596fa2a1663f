//! The one place that reads the clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use maestro_domain::timestamp::Timestamp;

/// The wall clock, in milliseconds.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The monotonic clock, for measuring how long something took.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Waits until the wall clock reads `at`; for ever without one. A clock that is set while waiting is
/// noticed within a second.
pub async fn sleep_until(at: Option<Timestamp>) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    loop {
        let left = at.since(now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
}

/// Blocks this thread. For threads of their own only: asynchronous code awaits, tests wait for a
/// condition.
#[allow(clippy::disallowed_methods)]
pub fn block_thread(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_after_this_was_written() {
        assert!(now() > Timestamp::parse("2026-11-01T00:00:00Z").unwrap());
    }
}
