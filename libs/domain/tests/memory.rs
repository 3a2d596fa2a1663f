//! What is remembered, and for how long.
#![allow(clippy::unwrap_used)]

mod common;

use common::{STACK, World, issue_labelled, name};
use maestro_domain::{
    Command, Event, ProjectId,
    command::{Outcome, Rejection},
    event::{DecisionReason, VerdictReason},
    report::Reply,
};
use uuid::Uuid;

const DAYS: u64 = 24 * 3600;

fn last_decision(world: &World) -> (DecisionReason, Vec<VerdictReason>) {
    let decided = world
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::DeliveryDecided(decided) => Some(decided),
            _ => None,
        });
    let decided = decided.unwrap();
    let reasons = decided.triggers.iter().map(|verdict| verdict.reason);
    (decided.reason, reasons.collect())
}

#[test]
fn a_delivery_that_started_something_starts_nothing_further_under_a_new_stack() {
    let mut world = World::new(1);
    world.labelled(1);
    let more = STACK.replace(
        "  runs:\n",
        "    - {name: added, on: {event: issues}, run: check}\n  runs:\n",
    );
    world.set_stack(&more);
    world.deliver(issue_labelled("d-1", 1));
    let (reason, triggers) = last_decision(&world);
    assert_eq!(reason, DecisionReason::AlreadyStarted);
    assert_eq!(triggers[0], VerdictReason::AlreadyStarted);
    assert_eq!(
        triggers[3],
        VerdictReason::AlreadyStarted,
        "also for the new trigger"
    );
    world.deliver(issue_labelled("d-2", 2));
    assert_eq!(last_decision(&world).1[3], VerdictReason::Started);
}

#[test]
fn a_delivery_that_started_nothing_may_do_so_under_a_new_stack() {
    let mut world = World::with_stack(&STACK.replace("labeled", "opened"), 1);
    world.deliver(issue_labelled("d-1", 1));
    assert_eq!(last_decision(&world).0, DecisionReason::NoTriggerMatched);
    world.set_stack(STACK);
    world.deliver(issue_labelled("d-1", 1));
    assert_eq!(last_decision(&world).0, DecisionReason::Started);
}

#[test]
fn an_action_is_remembered_for_thirty_days() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    world.command(Command::CancelRun { run });
    let again = |world: &mut World, id: &str| {
        world.deliver(issue_labelled(id, 1));
        last_decision(world).0
    };
    world.pass(29 * DAYS);
    assert_eq!(again(&mut world, "d-1"), DecisionReason::AlreadyStarted);
    assert_eq!(again(&mut world, "other"), DecisionReason::AlreadyStarted);
    world.pass(2 * DAYS);
    world.labelled(2);
    assert_eq!(again(&mut world, "other"), DecisionReason::Started);
    assert_eq!(
        world.core.state().started.len(),
        6,
        "three entries for each of two runs"
    );
}

#[test]
fn a_run_that_waits_longer_than_the_memory_is_not_requested_again() {
    let mut world = World::new(0);
    let run = world.labelled(1);
    world.pass(31 * DAYS);
    world.labelled(2);
    assert_eq!(
        world.core.state().started.len(),
        3,
        "the first is forgotten"
    );
    world.deliver(issue_labelled("d-1", 1));
    assert_eq!(last_decision(&world).0, DecisionReason::AlreadyStarted);
    assert!(world.core.state().runs.contains_key(&run));
}

#[test]
fn a_project_keeps_its_slug() {
    let mut world = World::new(1);
    let rejection = |world: &mut World, project, slug: &str| {
        let slug = name(slug);
        match world.command(Command::CreateProject { project, slug }) {
            Reply::Outcome(Outcome { rejection, .. }) => rejection,
            other => panic!("{other:?}"),
        }
    };
    let (first, second) = (world.project, ProjectId::new(Uuid::from_u128(2)));
    assert_eq!(rejection(&mut world, first, "default"), None, "asked again");
    assert_eq!(
        rejection(&mut world, first, "new-name"),
        Some(Rejection::ProjectExists)
    );
    assert_eq!(
        rejection(&mut world, second, "default"),
        Some(Rejection::SlugTaken)
    );
    assert_eq!(rejection(&mut world, second, "new-name"), None);
}
