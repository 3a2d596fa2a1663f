//! When each executor was heard last, by a clock that never jumps.

use std::{collections::HashMap, time::Duration};

use maestro_domain::{
    ExecutorId, State,
    report::{Order, Orders},
    state::Standing,
};
use tokio::time::Instant;

/// Orders in one answer at most; the others come with the next ones.
const AT_ONCE: usize = 500;

/// What one leadership heard of the executors. Every one of them has a full term from its
/// beginning on, and a later one from when it was first expected.
pub(crate) struct Roster {
    term: Duration,
    looked_at: Instant,
    heard: HashMap<ExecutorId, Instant>,
    turn: usize,
}

impl Roster {
    pub(crate) fn new(term: Duration, state: &State, now: Instant) -> Self {
        let expected = state.watched_executors().into_iter();
        Self {
            term,
            looked_at: now,
            heard: expected.map(|executor| (executor, now)).collect(),
            turn: 0,
        }
    }

    /// How often to look.
    pub(crate) fn pause(&self) -> Duration {
        (self.term / 4).max(Duration::from_millis(1))
    }

    pub(crate) fn heard(&mut self, executor: ExecutorId, now: Instant) {
        self.heard.insert(executor, now);
    }

    /// The executors of which nothing was heard for a term, or that are away and still hold
    /// leases, each with how long it has been silent.
    pub(crate) fn look(&mut self, state: &State, now: Instant) -> Vec<(ExecutorId, Duration)> {
        if now - self.looked_at > self.term / 2 {
            // Nobody listened meanwhile: this process stood still.
            self.heard.clear();
        }
        self.looked_at = now;
        let watched = state.watched_executors();
        self.heard
            .retain(|executor, at| watched.contains(executor) || now - *at < self.term);
        let silent = watched.into_iter().filter_map(|executor| {
            let lasting = now - *self.heard.entry(executor).or_insert(now);
            let away = state.standing(executor).is_some_and(Standing::is_away);
            (away || lasting >= self.term).then_some((executor, lasting))
        });
        silent.collect()
    }

    /// What to answer a heartbeat.
    pub(crate) fn orders(&mut self, state: &State, executor: ExecutorId) -> Orders {
        Orders {
            known: state.counts_on(executor),
            term_ms: u64::try_from(self.term.as_millis()).unwrap_or(u64::MAX),
            orders: self.some_of(state.orders(executor)),
        }
    }

    /// Not always the same ones, when there are too many.
    fn some_of(&mut self, mut orders: Vec<Order>) -> Vec<Order> {
        if orders.len() > AT_ONCE {
            self.turn = self.turn.wrapping_add(AT_ONCE);
            let first = self.turn % orders.len();
            orders.rotate_left(first);
            orders.truncate(AT_ONCE);
        }
        orders
    }
}

#[cfg(test)]
mod tests;
