//! Counts failed verifications per peer. Only they are limited: a delivery with a valid signature
//! is never refused for its rate.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);

/// Most peers remembered; beyond it new ones share one count.
const MAX_PEERS: usize = 10_000;

/// How often a full table is searched for windows that are over.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a peer is counted under when the table is full or the address is unknown.
const SHARED: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Failures of the current minute.
#[derive(Debug)]
pub(crate) struct Failures {
    limit: u32,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    windows: HashMap<IpAddr, Window>,
    swept: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

impl Failures {
    /// At most `limit` per peer and minute.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            table: Mutex::default(),
        }
    }

    /// Counts a failure. Over the limit it says after how long the peer's minute is over.
    pub(crate) fn record(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        let now = Instant::now();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let window = table.window(peer.map_or(SHARED, network), now);
        if now - window.since >= WINDOW {
            *window = Window {
                since: now,
                count: 0,
            };
        }
        window.count = window.count.saturating_add(1);
        if window.count <= self.limit {
            return Ok(());
        }
        Err(WINDOW - (now - window.since))
    }
}

impl Table {
    fn window(&mut self, peer: IpAddr, now: Instant) -> &mut Window {
        let key = if self.has_room_for(peer, now) {
            peer
        } else {
            SHARED
        };
        self.windows.entry(key).or_insert(Window {
            since: now,
            count: 0,
        })
    }

    fn has_room_for(&mut self, peer: IpAddr, now: Instant) -> bool {
        if self.windows.len() < MAX_PEERS || self.windows.contains_key(&peer) {
            return true;
        }
        if self.swept.is_some_and(|at| now - at < SWEEP_EVERY) {
            return false;
        }
        self.swept = Some(now);
        self.windows.retain(|_, window| now - window.since < WINDOW);
        self.windows.len() < MAX_PEERS
    }
}

/// One host can use a whole /64 of IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn each_peer_has_its_own_minute() {
        let failures = Failures::new(2);
        for _ in 0..2 {
            assert_eq!(failures.record(peer("192.0.2.1")), Ok(()));
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        let left = Duration::from_secs(40);
        assert_eq!(failures.record(peer("192.0.2.1")), Err(left));
        assert_eq!(failures.record(peer("::ffff:192.0.2.1")), Err(left));
        assert_eq!(failures.record(peer("192.0.2.2")), Ok(()));
        tokio::time::advance(left).await;
        assert_eq!(failures.record(peer("192.0.2.1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_counts_as_one_peer() {
        let failures = Failures::new(1);
        assert_eq!(failures.record(peer("2001:db8::1")), Ok(()));
        assert!(failures.record(peer("2001:db8::2")).is_err());
        assert_eq!(failures.record(peer("2001:db8:0:1::1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_empties_itself() {
        let failures = Failures::new(1);
        let many = u32::try_from(MAX_PEERS).unwrap();
        for n in 0..many * 2 {
            let _ = failures.record(Some(IpAddr::V4(n.into())));
        }
        let size = || failures.table.lock().unwrap().windows.len();
        assert_eq!(size(), MAX_PEERS + 1);
        tokio::time::advance(WINDOW).await;
        assert_eq!(failures.record(peer("192.0.2.1")), Ok(()));
        assert_eq!(size(), 1);
    }
}
