//! When each executor was heard last, on a clock that never jumps: the part of the conductor's
//! shell that the rules about silence depend on.

use std::{collections::BTreeMap, time::Duration};

use maestro_domain::{ExecutorId, State, state::Standing};

/// How long an executor may go unheard, in seconds.
pub(crate) const TERM: u64 = 30;

/// Longest that a creation may take once it was begun. An executor begins none so shortly before
/// the end of its term.
pub(crate) const CREATE_WITHIN: u64 = 10;

#[derive(Debug, Default)]
pub(crate) struct Roster {
    heard: BTreeMap<ExecutorId, u64>,
    /// A broken rule for the test of the tests: silence counts this many times as long.
    pub(crate) hasty: u64,
}

impl Roster {
    pub(crate) fn heard(&mut self, executor: ExecutorId, mono: u64) {
        self.heard.insert(executor, mono);
    }

    /// A new leader gives everybody a full term.
    pub(crate) fn reset(&mut self) {
        self.heard.clear();
    }

    /// Who has been silent for a term, or is away and still holds leases, and for how long. Who is
    /// seen for the first time has a full term as well.
    pub(crate) fn silent(&mut self, state: &State, mono: u64) -> Vec<(ExecutorId, Duration)> {
        let watched = state.watched_executors();
        self.heard
            .retain(|executor, at| watched.contains(executor) || mono - *at < TERM);
        let mut silent = Vec::new();
        for executor in watched {
            let lasting = mono - *self.heard.entry(executor).or_insert(mono);
            let away = state.standing(executor).is_some_and(Standing::is_away);
            if away || lasting >= TERM {
                silent.push((executor, Duration::from_secs(lasting * (1 + self.hasty))));
            }
        }
        silent
    }
}
