//! Slows down whoever keeps failing to sign in.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures allowed per peer and window.
const FAILURES: u32 = 10;
/// Length of a window.
const WINDOW: Duration = Duration::from_secs(60);
/// Peers remembered at once; the ones whose window is over are forgotten first.
const PEERS: usize = 10_000;

/// Counts failed attempts per peer address. Successes are never counted.
#[derive(Debug, Default)]
pub(crate) struct FailureLimit {
    peers: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    failures: u32,
}

impl FailureLimit {
    /// How long this peer has to wait; `None` when it may try now.
    pub(crate) fn wait(&self, peer: IpAddr) -> Option<Duration> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let window = peers.get(&peer)?;
        let left = WINDOW.checked_sub(window.since.elapsed())?;
        (window.failures >= FAILURES && !left.is_zero()).then_some(left)
    }

    /// Remembers a failure.
    pub(crate) fn failed(&self, peer: IpAddr) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= PEERS {
            peers.retain(|_, window| window.since.elapsed() < WINDOW);
        }
        if peers.len() >= PEERS && !peers.contains_key(&peer) {
            return;
        }
        let window = peers.entry(peer).or_insert_with(Window::new);
        if window.since.elapsed() >= WINDOW {
            *window = Window::new();
        }
        window.failures = window.failures.saturating_add(1);
    }
}

impl Window {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            failures: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_keeps_failing_waits_out_its_window() {
        let limit = FailureLimit::default();
        let (bad, good) = (
            IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)),
            Ipv4Addr::LOCALHOST.into(),
        );
        for _ in 0..FAILURES {
            assert_eq!(limit.wait(bad), None);
            limit.failed(bad);
        }
        assert_eq!(limit.wait(bad), Some(WINDOW));
        assert_eq!(limit.wait(good), None);
        tokio::time::advance(WINDOW).await;
        assert_eq!(limit.wait(bad), None);
    }
}
