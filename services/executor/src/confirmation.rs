//! The right to act: how lately the conductor confirmed that it counts on this executor.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

/// What a heartbeat's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The conductor counts on this executor, and did so without a break.
    Confirmed,
    /// Leases may have moved: the inventory has to be compared first.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The inventory has to be compared with the leases.
    Away,
    /// It was compared; no heartbeat has been answered since. Holds when the comparison began.
    Joined(Instant),
    Confirmed(Confirmed),
}

#[derive(Debug, Clone, Copy)]
struct Confirmed {
    /// When the last answered heartbeat was sent.
    asked_at: Instant,
    /// Since when there is no gap of a term between two of them.
    since: Instant,
    term: Duration,
}

impl Confirmed {
    /// A creation takes a while: it has to begin within two thirds of the term.
    fn is_fresh(&self, now: Instant) -> bool {
        now < self.asked_at + self.term * 2 / 3
    }
}

/// Shared by everything that creates.
#[derive(Debug)]
pub(crate) struct Confirmation(watch::Sender<State>);

impl Default for Confirmation {
    fn default() -> Self {
        Self(watch::Sender::new(State::Away))
    }
}

impl Confirmation {
    /// Whether the inventory has to be compared with the leases.
    pub(crate) fn is_away(&self) -> bool {
        matches!(*self.0.borrow(), State::Away)
    }

    /// The inventory that was sent at `asked_at` agrees with the leases now.
    pub(crate) fn joined(&self, asked_at: Instant) {
        self.0.send_replace(State::Joined(asked_at));
    }

    /// A heartbeat sent at `asked_at` was answered.
    pub(crate) fn answered(&self, known: bool, asked_at: Instant, term: Duration) -> Standing {
        let (last, since) = match *self.0.borrow() {
            State::Away => return Standing::Unknown,
            State::Joined(at) => (at, asked_at),
            State::Confirmed(Confirmed {
                asked_at, since, ..
            }) => (asked_at, since),
        };
        if !known || asked_at >= last + term {
            self.0.send_replace(State::Away);
            return Standing::Unknown;
        }
        let confirmed = Confirmed {
            asked_at,
            since,
            term,
        };
        self.0.send_replace(State::Confirmed(confirmed));
        metrics::gauge!("maestro_executor_confirmed").set(1.0);
        Standing::Confirmed
    }

    /// Whether something may be created now.
    pub(crate) fn may_create(&self) -> bool {
        self.confirmed().is_some()
    }

    /// Whether it held without a break since `at`, and something may be created now: what was
    /// granted then is still this executor's.
    pub(crate) fn held_since(&self, at: Instant) -> bool {
        self.confirmed()
            .is_some_and(|confirmed| confirmed.since <= at)
    }

    /// Waits until something may be created.
    pub(crate) async fn wait(&self) {
        let mut state = self.0.subscribe();
        loop {
            if self.may_create() {
                return;
            }
            // The sender lives as long as `self`.
            let _ = state.changed().await;
        }
    }

    fn confirmed(&self) -> Option<Confirmed> {
        match *self.0.borrow() {
            State::Confirmed(confirmed) if confirmed.is_fresh(Instant::now()) => Some(confirmed),
            _ => {
                metrics::gauge!("maestro_executor_confirmed").set(0.0);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_secs(30);

    fn joined() -> Confirmation {
        let confirmation = Confirmation::default();
        confirmation.joined(Instant::now());
        confirmation
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_created_before_the_inventory_and_a_heartbeat() {
        let confirmation = Confirmation::default();
        let now = Instant::now();
        assert_eq!(confirmation.answered(true, now, TERM), Standing::Unknown);
        confirmation.joined(now);
        assert!(!confirmation.may_create());
        assert_eq!(confirmation.answered(true, now, TERM), Standing::Confirmed);
        assert!(confirmation.may_create());
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_ends_well_before_the_term() {
        let confirmation = joined();
        let asked_at = Instant::now();
        tokio::time::advance(TERM / 3).await;
        confirmation.answered(true, asked_at, TERM);
        tokio::time::advance(TERM / 3 - Duration::from_millis(1)).await;
        assert!(confirmation.may_create(), "counted from the question");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!confirmation.may_create());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_gap_of_a_term_the_inventory_comes_first() {
        let confirmation = joined();
        confirmation.answered(true, Instant::now(), TERM);
        let claimed_at = Instant::now();
        tokio::time::advance(TERM - Duration::from_millis(1)).await;
        confirmation.answered(true, Instant::now(), TERM);
        assert!(confirmation.held_since(claimed_at), "late, but no gap");
        tokio::time::advance(TERM).await;
        let late = confirmation.answered(true, Instant::now(), TERM);
        assert_eq!(late, Standing::Unknown);
        confirmation.joined(Instant::now());
        confirmation.answered(true, Instant::now(), TERM);
        assert!(confirmation.may_create() && !confirmation.held_since(claimed_at));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_known_may_nothing_at_once() {
        let confirmation = joined();
        confirmation.answered(true, Instant::now(), TERM);
        confirmation.answered(false, Instant::now(), TERM);
        assert!(!confirmation.may_create());
        let waiting = confirmation.wait();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        confirmation.joined(Instant::now());
        confirmation.answered(true, Instant::now(), TERM);
        waiting.await;
    }
}
