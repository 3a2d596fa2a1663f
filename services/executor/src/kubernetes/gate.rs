//! Heeding an API server that says it has too much to do.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Response, StatusCode, header::RETRY_AFTER};
use maestro_runtime::clock;

/// A server's wish is followed up to this long.
const LONGEST: Duration = Duration::from_secs(60);

/// Holds every request back until the moment the server named in `Retry-After`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    opens_at: Arc<Mutex<Option<Instant>>>,
}

impl Gate {
    /// Reads one answer of the server.
    pub(crate) fn heed<B>(&self, response: &Response<B>) {
        let asks_to_wait = matches!(
            response.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let seconds = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        if let (true, Some(seconds)) = (asks_to_wait, seconds) {
            self.close_for(Duration::from_secs(seconds));
        }
    }

    /// Returns once requests are welcome.
    pub(crate) async fn pass(&self) {
        while let Some(opens_at) = self.closed_until() {
            tokio::time::sleep_until(opens_at.into()).await;
        }
    }

    fn close_for(&self, time: Duration) {
        let until = clock::monotonic() + time.min(LONGEST);
        let mut opens_at = self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        *opens_at = Some(opens_at.map_or(until, |earlier| earlier.max(until)));
    }

    fn closed_until(&self) -> Option<Instant> {
        let mut opens_at = self.opens_at.lock().unwrap_or_else(PoisonError::into_inner);
        *opens_at = opens_at.filter(|at| *at > clock::monotonic());
        *opens_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, retry_after: &str) -> Response<()> {
        Response::builder()
            .status(status)
            .header(RETRY_AFTER, retry_after)
            .body(())
            .unwrap()
    }

    #[test]
    fn only_a_refusal_for_load_closes_it() {
        let gate = Gate::default();
        gate.heed(&answer(StatusCode::OK, "30"));
        gate.heed(&answer(StatusCode::TOO_MANY_REQUESTS, "soon"));
        assert_eq!(gate.closed_until(), None);
        gate.heed(&answer(StatusCode::TOO_MANY_REQUESTS, "30"));
        let first = gate.closed_until().unwrap();
        gate.heed(&answer(StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert_eq!(gate.closed_until(), Some(first));
    }

    #[test]
    fn no_server_closes_it_for_ever() {
        let gate = Gate::default();
        gate.heed(&answer(
            StatusCode::TOO_MANY_REQUESTS,
            &u64::MAX.to_string(),
        ));
        assert!(gate.closed_until().unwrap() <= clock::monotonic() + LONGEST);
    }
}
