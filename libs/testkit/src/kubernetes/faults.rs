//! Errors that a test asks for, from a seed.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::refusal::Refusal;

/// How often what goes wrong; each a share between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// Where the sequence of faults starts; the same seed and the same order of requests give the
    /// same faults.
    pub seed: u64,
    /// Requests answered 500, 503 or 429 without being done. The latter two ask to come back
    /// after a second.
    pub errors: f64,
    /// Requests whose connection is dropped before they are done.
    pub dropped: f64,
    /// Requests that are done, and whose connection is dropped instead of an answer.
    pub lost_answers: f64,
    /// Requests that are answered up to 200 ms later.
    pub slow: f64,
    /// Watches that end abruptly within half a second.
    pub watch_disconnects: f64,
    /// Watches that are told that their revision is too old.
    pub gone: f64,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Served,
    Refused(Refusal),
    Dropped,
    AnswerLost,
    Slow(Duration),
}

/// What happens to a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Disconnect(Duration),
    Gone,
}

/// Draws what happens.
#[derive(Debug)]
pub(crate) struct Dice {
    faults: Faults,
    random: StdRng,
}

impl Dice {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            faults,
            random: StdRng::seed_from_u64(faults.seed),
        }
    }

    pub(crate) fn fate(&mut self) -> Fate {
        let Faults {
            errors,
            dropped,
            lost_answers,
            slow,
            ..
        } = self.faults;
        let drawn: f64 = self.random.random();
        if drawn < errors {
            return Fate::Refused(match self.random.random_range(0..3) {
                0 => Refusal::new(500, "InternalError", "Internal error occurred: injected"),
                1 => Refusal::new(
                    503,
                    "ServiceUnavailable",
                    "the server is currently unable to handle the request",
                )
                .after(1),
                _ => Refusal::new(
                    429,
                    "TooManyRequests",
                    "the server has received too many requests and has asked us to try again later",
                )
                .after(1),
            });
        }
        if drawn < errors + dropped {
            return Fate::Dropped;
        }
        if drawn < errors + dropped + lost_answers {
            return Fate::AnswerLost;
        }
        if drawn < errors + dropped + lost_answers + slow {
            return Fate::Slow(Duration::from_millis(self.random.random_range(1..200)));
        }
        Fate::Served
    }

    pub(crate) fn cut(&mut self) -> Option<Cut> {
        let drawn: f64 = self.random.random();
        if drawn < self.faults.gone {
            return Some(Cut::Gone);
        }
        (drawn < self.faults.gone + self.faults.watch_disconnects)
            .then(|| Cut::Disconnect(Duration::from_millis(self.random.random_range(1..500))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_in_about_the_wanted_share() {
        let faults = Faults {
            seed: 7,
            errors: 0.05,
            ..Faults::default()
        };
        let draw = || {
            let mut dice = Dice::new(faults);
            (0..2000)
                .map(|_| matches!(dice.fate(), Fate::Refused(_)))
                .collect::<Vec<_>>()
        };
        let refused = draw().into_iter().filter(|refused| *refused).count();
        assert!((60..140).contains(&refused), "{refused}");
        assert_eq!(draw(), draw());
        let mut none = Dice::new(Faults::default());
        assert!((0..100).all(|_| matches!(none.fate(), Fate::Served) && none.cut().is_none()));
    }
}
