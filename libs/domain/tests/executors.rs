//! What executors may do to a run, and what they may not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, name};
use maestro_domain::{
    Command, Report, RunId,
    report::{End, Execution, Reply},
    run::{RunCommand, Status},
};

/// One run, claimed by executor 1.
fn claimed() -> (World, RunId, Execution) {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let execution = world.execution(run);
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Granted);
    (world, run, execution)
}

fn finished(execution: Execution, end: End) -> Report {
    let at = maestro_domain::Timestamp::from_millis(0);
    Report::Finished {
        execution,
        end,
        at,
        log_bytes: 0,
    }
}

#[test]
fn only_who_claimed_an_attempt_can_report_on_it() {
    let (mut world, run, execution) = claimed();
    let before = world.log.len();
    world.report(
        2,
        Report::Started {
            execution,
            at: world.now,
        },
    );
    world.report(2, finished(execution, End::Exited { code: 0 }));
    assert_eq!(world.log.len(), before);
    assert_eq!(world.core.state().runs[&run].status, Status::Dispatched);
}

#[test]
fn only_who_claimed_an_attempt_can_free_the_slot_of_an_ended_run() {
    let (mut world, _, execution) = claimed();
    world.pass(24 * 3600);
    let before = world.log.len();
    world.report(2, finished(execution, End::Lost));
    assert_eq!(world.log.len(), before);
    world.report(1, finished(execution, End::Lost));
    assert_eq!(world.log.len(), before + 1);
}

#[test]
fn a_claim_asked_again_after_a_cancel_is_refused() {
    let (mut world, run, execution) = claimed();
    world.command(Command::CancelRun { run });
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Refused);
}

#[test]
fn an_inventory_misses_only_what_belongs_to_its_pool() {
    let (mut world, _, execution) = claimed();
    let inventory = |pool| Report::Inventory {
        pool: name(pool),
        executions: Vec::new(),
    };
    let missing = Reply::Missing(vec![execution]);
    assert_eq!(world.report(1, inventory("default")), missing);
    assert_eq!(
        world.report(1, inventory("other")),
        Reply::Missing(Vec::new())
    );
    world.pass(24 * 3600);
    assert_eq!(
        world.report(1, inventory("default")),
        missing,
        "the slot is releasing"
    );
    assert_eq!(
        world.report(1, inventory("other")),
        Reply::Missing(Vec::new())
    );
    assert_eq!(
        world.report(2, inventory("default")),
        Reply::Missing(Vec::new())
    );
}

#[test]
fn a_new_leader_asks_again_for_every_end_it_waits_for() {
    let (mut world, run, execution) = claimed();
    assert!(
        world.core.state().outstanding().is_empty(),
        "a claimed run needs nothing"
    );
    world.command(Command::CancelRun { run });
    let asked = |world: &World| match &world.core.state().outstanding()[..] {
        [RunCommand::Cancel { execution, .. }] => Some(*execution),
        _ => None,
    };
    assert_eq!(asked(&world), Some(execution));
    world.pass(24 * 3600);
    assert!(world.core.state().runs.is_empty());
    assert_eq!(
        asked(&world),
        Some(execution),
        "the run is over, its execution perhaps not"
    );
}
