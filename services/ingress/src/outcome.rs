//! How a request ended, counted and timed.

use std::time::Duration;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Duplicate,
    Invalid,
    Unauthorized,
    RateLimited,
    TooLarge,
    Slow,
    Busy,
    Unavailable,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }

    /// Counts it and the time it took.
    pub(crate) fn record(self, took: Duration) {
        let outcome = self.as_str();
        metrics::counter!("maestro_webhooks_total", "outcome" => outcome).increment(1);
        metrics::histogram!("maestro_webhook_duration_seconds", "outcome" => outcome).record(took);
    }
}

/// Explains the metrics to whoever scrapes them.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "maestro_webhooks_total",
        "Webhook requests by how they ended"
    );
    metrics::describe_histogram!(
        "maestro_webhook_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a webhook's headers to its answer"
    );
}
