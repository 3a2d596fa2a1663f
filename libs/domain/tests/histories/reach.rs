//! The tests of the tests: what the histories reach, and that a failure comes again.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use crate::{
    op::{self, Op},
    world::World,
};

const SEED: [u8; 32] = [7; 32];

fn runner(cases: u32) -> TestRunner {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &SEED))
}

fn failing_over() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op::failing_over(), 1..60)
}

#[test]
fn histories_reach_what_they_are_about() {
    let mut missing = BTreeSet::from([
        "executor.draining",
        "executor.joined",
        "executor.left",
        "executor.returned",
        "executor.silent",
        "run.attempt_lost",
        "run.cancel_requested",
        "run.finished",
        "slot.lease_adopted",
        "slot.lease_moved",
        "slot.releasing",
        "a cancel overtook a creation",
        "a granted claim was held back",
        "a lease lapsed",
        "a lease lapsed that had moved",
        "a lease moved before its run started",
        "a lease moved on before it was adopted",
        "a lease moved while its run was to end",
        "a live execution was adopted",
        "an ended execution was adopted",
        "an execution ran into its deadline",
        "nothing was left to adopt",
        "the lease of an ended run moved",
    ]);
    let mut runner = runner(1);
    let histories = failing_over();
    for _ in 0..2_000 {
        let ops = histories.new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        ops.iter().for_each(|op| world.play(op));
        world.heal();
        missing.retain(|what| !world.children.witnessed.contains(what));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no history had: {missing:#?}");
}

/// Silence that is counted twice as long as it lasts lets a lease lapse while its execution lives.
fn hasty(ops: &[Op]) {
    let mut world = World::new();
    world.roster.hasty = 1;
    for op in ops {
        world.play(op);
        world.check();
    }
    world.desert();
}

#[test]
fn a_broken_rule_is_found_and_its_seed_leads_to_the_same_history() {
    let find = || {
        let found = runner(2_000).run(&failing_over(), |ops| {
            hasty(&ops);
            Ok(())
        });
        match found {
            Err(TestError::Fail(why, ops)) => (why.message().to_owned(), ops),
            other => panic!("{other:?}"),
        }
    };
    let (why, ops) = find();
    assert!(why.contains("is not empty"), "{why}");
    let (again, same) = find();
    assert_eq!((why, format!("{ops:?}")), (again, format!("{same:?}")));
    crate::abandon(&ops);
}
