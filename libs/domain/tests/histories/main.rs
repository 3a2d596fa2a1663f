//! Random histories against a model of what an observer outside sees: executors create an
//! execution only when their claim is granted and their right to act was confirmed within a lease
//! term; it lives until it ends, whatever becomes of them. Some executors share a cluster and can
//! adopt each other's executions, some are alone with their data folder. They crash, are cut off,
//! drain, leave and come back; the wall clock jumps, the monotonic one does not. After every step
//! the design's invariants I-2 and I-4 to I-7 are checked; at the end everything heals, or nobody
//! ever comes back, and every run has to end.
//!
//! `PROPTEST_CASES=5000 cargo test -p maestro-domain --test histories` plays that many histories
//! of each kind instead of a few hundred. A failure is shrunk and its seed is stored in
//! `proptest-regressions/`; from then on every run begins with it.
#![allow(clippy::unwrap_used)]

mod checks;
mod children;
mod executor;
mod inputs;
mod ledger;
mod op;
mod reach;
mod roster;
mod world;

use op::Op;
use proptest::prelude::*;
use world::World;

fn histories(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| default.cases);
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        max_shrink_iters: 4_000,
        ..default
    }
}

fn play(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.play(op);
        world.check();
    }
    world.heal();
}

fn abandon(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.play(op);
        world.check();
    }
    world.desert();
}

proptest! {
    #![proptest_config(histories(700))]

    #[test]
    fn smooth_histories_keep_the_invariants(ops in prop::collection::vec(op::smooth(), 1..50)) {
        play(&ops);
    }

    #[test]
    fn rough_histories_keep_the_invariants(ops in prop::collection::vec(op::rough(), 1..50)) {
        play(&ops);
    }

    #[test]
    fn failovers_keep_the_invariants(ops in prop::collection::vec(op::failing_over(), 1..60)) {
        play(&ops);
    }

    #[test]
    fn abandoned_histories_come_to_an_end(ops in prop::collection::vec(op::failing_over(), 1..40)) {
        abandon(&ops);
    }

    #[test]
    fn contended_histories_keep_the_invariants(ops in prop::collection::vec(op::contended(), 1..50)) {
        play(&ops);
    }
}
