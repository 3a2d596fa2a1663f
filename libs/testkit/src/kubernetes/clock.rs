//! The cluster's clock: wall time with nanoseconds that never runs backwards.

use std::time::{Duration, Instant};

use maestro_runtime::clock;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Starts at the wall clock and goes on monotonically.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    base: i128,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            base: i128::from(clock::now().millis()) * 1_000_000,
            start: clock::monotonic(),
        }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn nanos(&self) -> i128 {
        self.base + i128::try_from(self.start.elapsed().as_nanos()).unwrap_or(i128::MAX / 2)
    }

    /// Now, in whole seconds, as Kubernetes writes times.
    pub(crate) fn text(&self) -> String {
        seconds(self.nanos())
    }

    /// The moment `after` a time that was written as text; `None` when it is none.
    pub(crate) fn deadline(&self, since: &str, after: Duration) -> Option<i128> {
        let since = parse(since)?;
        Some(since + i128::try_from(after.as_nanos()).ok()?)
    }

    /// How long it is until then.
    pub(crate) fn until(&self, nanos: i128) -> Duration {
        Duration::from_nanos(u64::try_from(nanos - self.nanos()).unwrap_or(0))
    }
}

/// Reads an RFC 3339 time.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(time.unix_timestamp_nanos())
}

/// With whole seconds.
pub(crate) fn seconds(nanos: i128) -> String {
    let whole = OffsetDateTime::from_unix_timestamp_nanos(nanos - nanos.rem_euclid(1_000_000_000));
    whole
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// With exactly nine digits, as the kubelet prefixes log lines.
pub(crate) fn fixed_nanos(nanos: i128) -> String {
    let rest = nanos.rem_euclid(1_000_000_000);
    let whole = seconds(nanos);
    format!("{}.{rest:09}Z", whole.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_writes_them() {
        let nanos = parse("2026-11-20T12:00:01.000000120Z").unwrap();
        assert_eq!(seconds(nanos), "2026-11-20T12:00:01Z");
        assert_eq!(fixed_nanos(nanos), "2026-11-20T12:00:01.000000120Z");
    }
}
