use maestro_domain::{Name, report::Assignment, report::Execution, state::Executor};
use uuid::Uuid;

use super::*;

const TERM: Duration = Duration::from_secs(30);

fn executor(n: u128) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(n))
}

fn state(executors: &[(u128, Standing)]) -> State {
    let mut state = State::default();
    for (n, standing) in executors {
        let known = Executor {
            site: None,
            pools: std::collections::BTreeSet::new(),
            standing: *standing,
            draining: false,
        };
        state.executors.insert(executor(*n), known);
    }
    state
}

/// Looks as often as the shell does until `until`; what the last look found.
fn look_until(
    roster: &mut Roster,
    state: &State,
    from: Instant,
    until: Instant,
) -> Vec<(ExecutorId, Duration)> {
    let mut now = from;
    let mut found = Vec::new();
    while now < until {
        now = (now + roster.pause()).min(until);
        found = roster.look(state, now);
    }
    found
}

#[test]
fn everybody_has_a_full_term_after_a_takeover() {
    let start = Instant::now();
    let state = state(&[(1, Standing::Present)]);
    let mut roster = Roster::new(TERM, &state, start);
    let almost = start + TERM - Duration::from_millis(1);
    assert_eq!(look_until(&mut roster, &state, start, almost), []);
    let over = roster.look(&state, start + TERM);
    assert_eq!(over, [(executor(1), TERM)]);
}

#[test]
fn who_joins_later_is_not_silent_since_the_beginning() {
    let start = Instant::now();
    let mut roster = Roster::new(TERM, &State::default(), start);
    let later = start + TERM * 100;
    look_until(&mut roster, &State::default(), start, later);
    let state = state(&[(1, Standing::Present)]);
    assert_eq!(roster.look(&state, later), []);
    let almost = later + TERM - Duration::from_millis(1);
    assert_eq!(look_until(&mut roster, &state, later, almost), []);
}

#[test]
fn silence_counts_from_what_was_heard_last() {
    let start = Instant::now();
    let state = state(&[(1, Standing::Present), (2, Standing::Draining)]);
    let mut roster = Roster::new(TERM, &state, start);
    let later = start + TERM / 2;
    look_until(&mut roster, &state, start, later);
    roster.heard(executor(2), later);
    assert_eq!(
        look_until(&mut roster, &state, later, start + TERM),
        [(executor(1), TERM)]
    );
    let both = look_until(&mut roster, &state, start + TERM, later + TERM);
    assert_eq!(both, [(executor(1), TERM * 3 / 2), (executor(2), TERM)]);
}

#[test]
fn whoever_is_away_is_named_at_every_look() {
    let start = Instant::now();
    let state = state(&[
        (1, Standing::Left),
        (2, Standing::Silent),
        (3, Standing::Present),
    ]);
    let mut roster = Roster::new(TERM, &state, start);
    let found = roster.look(&state, start + TERM / 4);
    assert_eq!(found, [(executor(1), TERM / 4), (executor(2), TERM / 4)]);
}

#[test]
fn time_in_which_nobody_listened_does_not_count() {
    let start = Instant::now();
    let state = state(&[(1, Standing::Present)]);
    let mut roster = Roster::new(TERM, &state, start);
    let woken = start + TERM * 10;
    assert_eq!(roster.look(&state, woken), []);
    let almost = woken + TERM - Duration::from_millis(1);
    assert_eq!(look_until(&mut roster, &state, woken, almost), []);
    assert_eq!(roster.look(&state, woken + TERM), [(executor(1), TERM)]);
}

#[test]
fn who_is_not_expected_is_forgotten_after_a_term() {
    let start = Instant::now();
    let nobody = State::default();
    let mut roster = Roster::new(TERM, &nobody, start);
    roster.heard(executor(1), start);
    look_until(&mut roster, &nobody, start, start + TERM / 2);
    assert_eq!(roster.heard.len(), 1);
    look_until(&mut roster, &nobody, start + TERM / 2, start + TERM);
    assert!(roster.heard.is_empty());
    assert!(!roster.orders(&nobody, executor(1)).known);
}

#[test]
fn answers_are_bounded_and_every_order_has_its_turn() {
    let mut roster = Roster::new(TERM, &State::default(), Instant::now());
    let pool: Name = "default".parse().unwrap();
    let order = |token| {
        Order::Cancel(Assignment {
            pool: pool.clone(),
            execution: Execution {
                run: maestro_domain::RunId::new(Uuid::from_u128(token)),
                attempt: 1,
                token: u64::try_from(token).unwrap(),
            },
        })
    };
    let all: Vec<Order> = (0..1_700).map(order).collect();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let some = roster.some_of(all.clone());
        assert_eq!(some.len(), AT_ONCE);
        seen.extend(some);
    }
    assert!(all.iter().all(|order| seen.contains(order)));
    assert_eq!(roster.some_of(all[..3].to_vec()), all[..3]);
}
