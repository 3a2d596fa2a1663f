//! Random histories against a model of what an observer outside sees: executors start an execution
//! only when their claim is granted, and it lives until they say that it ended. After every step
//! the design's invariants I-2 and I-4 to I-7 are checked; at the end everything heals and every
//! run has to end.
#![allow(clippy::unwrap_used)]

mod checks;
mod executor;
mod inputs;
mod ledger;
mod op;
mod world;

use op::Op;
use proptest::prelude::*;
use world::World;

/// `PROPTEST_CASES` asks for more.
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
    fn contended_histories_keep_the_invariants(ops in prop::collection::vec(op::contended(), 1..50)) {
        play(&ops);
    }
}
