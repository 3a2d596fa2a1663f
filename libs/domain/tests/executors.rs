//! What executors may do to a run, and what they may not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, executor, name};
use maestro_domain::{
    Command, Report, RunId,
    report::{Assignment, End, Execution, Order, Place, Reply},
    run::Status,
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
        detail: None,
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
            place: Place::default(),
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
fn an_inventory_is_compared_with_the_leases_of_its_pool() {
    let (mut world, _, execution) = claimed();
    let inventory = |pool, executions| Report::Inventory {
        pool: name(pool),
        executions,
        membership: None,
    };
    let differences = |missing, stale| Reply::Differences { missing, stale };
    let missing = differences(vec![execution], vec![]);
    let same = differences(vec![], vec![]);
    assert_eq!(world.report(1, inventory("default", vec![])), missing);
    assert_eq!(world.report(1, inventory("default", vec![execution])), same);
    assert_eq!(world.report(1, inventory("other", vec![])), same);
    world.pass(24 * 3600);
    assert_eq!(
        world.report(1, inventory("default", vec![])),
        missing,
        "the slot is releasing"
    );
    assert_eq!(
        world.report(2, inventory("default", vec![execution])),
        differences(vec![], vec![execution])
    );
}

#[test]
fn a_cancel_is_asked_for_until_the_end_was_observed() {
    let (mut world, run, execution) = claimed();
    let asked = |world: &World| world.core.state().orders(executor(1));
    assert!(asked(&world).is_empty(), "a claimed run needs nothing");
    world.command(Command::CancelRun { run });
    let cancel = Order::Cancel(Assignment {
        pool: name("default"),
        execution,
    });
    assert_eq!(world.orders, [(executor(1), cancel.clone())]);
    assert_eq!(asked(&world), std::slice::from_ref(&cancel));
    world.pass(24 * 3600);
    assert!(world.core.state().runs.is_empty());
    assert_eq!(
        asked(&world),
        [cancel],
        "the run is over, its execution perhaps not"
    );
    world.report(1, finished(execution, End::Canceled));
    assert!(asked(&world).is_empty());
}
