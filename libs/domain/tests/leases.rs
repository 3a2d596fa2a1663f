//! What becomes of leases when executors fall silent, leave and come back.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, executor, issue_labelled, name};
use maestro_domain::{
    Command, Event, ExecutorId, ProjectId, Report, RunId,
    core::Input,
    event::RunResult,
    ids::RepositoryRef,
    report::{Assignment, End, Execution, Order, Place, Reply},
    run::Status,
    state::Standing,
};

const TERM: u64 = 30;
/// Term, time to start, timeout of `agent-dev` and silence.
const LAPSE: u64 = 30 * 60 + 15 * 60 + 120;

/// Two executors of one site; the first runs one run.
fn two_of_a_site() -> (World, RunId, Execution) {
    let mut world = World::new(1);
    world.joins(1, "cluster", vec![]);
    world.joins(2, "cluster", vec![]);
    let run = world.labelled(1);
    let execution = world.execution(run);
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Granted);
    started(&mut world, 1, execution);
    (world, run, execution)
}

fn started(world: &mut World, by: u128, execution: Execution) {
    let at = world.now;
    world.report(
        by,
        Report::Started {
            execution,
            at,
            place: Place::default(),
        },
    );
}

fn finished(world: &mut World, by: u128, execution: Execution, end: End) -> Reply {
    let at = world.now;
    world.report(
        by,
        Report::Finished {
            execution,
            end,
            at,
            log_bytes: 0,
            detail: None,
        },
    )
}

fn result(world: &World, run: RunId) -> Option<RunResult> {
    world.events().iter().find_map(|event| match event {
        Event::RunFinished(finished) if finished.run == run => Some(finished.result),
        _ => None,
    })
}

fn holder(world: &World) -> Option<ExecutorId> {
    let pool = &world.core.state().projects[&world.project].pools[&name("default")];
    pool.leases.values().next()?.executor
}

#[test]
fn a_silent_holders_lease_moves_and_what_it_still_says_changes_nothing() {
    let (mut world, run, old) = two_of_a_site();
    world.orders.clear();
    world.silent(1, TERM);
    let new = world.execution(run);
    assert!(new.token > old.token);
    let adopt = Order::Adopt(Assignment {
        pool: name("default"),
        execution: new,
    });
    assert_eq!(world.orders, [(executor(2), adopt.clone())]);
    assert_eq!(world.core.state().orders(executor(2)), [adopt]);
    let before = world.log.len();
    finished(&mut world, 1, old, End::Exited { code: 1 });
    assert_eq!(world.report(1, Report::Adopt(old)), Reply::Refused);
    assert_eq!(world.report(1, Report::Adopt(new)), Reply::Refused);
    assert_eq!(world.log.len(), before, "a stale executor changes nothing");
    assert_eq!(world.report(2, Report::Adopt(new)), Reply::Granted);
    assert_eq!(
        world.report(2, Report::Adopt(new)),
        Reply::Granted,
        "asked again"
    );
    assert!(world.core.state().orders(executor(2)).is_empty());
    assert_eq!(world.core.state().runs[&run].status, Status::Running);
    assert_eq!(world.core.state().runs[&run].attempt, 1, "no retry");
    finished(&mut world, 2, new, End::Exited { code: 0 });
    assert_eq!(result(&world, run), Some(RunResult::Succeeded));
    assert_eq!(holder(&world), None);
    assert_eq!(&world.replayed(), world.core.state());
}

#[test]
fn what_the_new_holder_does_not_find_is_lost_and_tried_again() {
    let (mut world, run, _) = two_of_a_site();
    world.silent(1, TERM);
    let moved = world.execution(run);
    world.report(2, Report::Adopt(moved));
    finished(&mut world, 2, moved, End::Lost);
    assert_eq!(world.core.state().runs[&run].attempt, 2);
    assert_eq!(holder(&world), None);
}

#[test]
fn without_an_heir_a_lease_stays_until_nothing_can_live_under_it() {
    let mut world = World::new(1);
    world.joins(1, "machine-a", vec![]);
    world.joins(2, "machine-b", vec![]);
    let run = world.labelled(1);
    let execution = world.execution(run);
    world.report(1, Report::Claim(execution));
    world.silent(1, LAPSE - 1);
    assert_eq!(holder(&world), Some(executor(1)));
    assert_eq!(
        world.core.state().standing(executor(1)),
        Some(Standing::Silent)
    );
    world.silent(1, LAPSE);
    assert_eq!(holder(&world), None);
    assert_eq!(world.core.state().runs[&run].attempt, 2);
    assert_eq!(world.core.state().standing(executor(1)), None, "forgotten");
    assert_eq!(&world.replayed(), world.core.state());
}

#[test]
fn a_clock_that_jumps_frees_no_slot() {
    let (mut world, run, _) = two_of_a_site();
    world.pass(365 * 24 * 3600);
    assert_eq!(result(&world, run), Some(RunResult::Failed));
    assert_eq!(
        holder(&world),
        Some(executor(1)),
        "its end was not observed"
    );
}

#[test]
fn the_slot_of_an_ended_run_moves_too_and_its_execution_is_ended_by_the_new_holder() {
    let (mut world, _, _) = two_of_a_site();
    world.pass(365 * 24 * 3600);
    world.silent(1, TERM);
    let orders = world.core.state().orders(executor(2));
    let [Order::Adopt(Assignment { execution, .. })] = orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(world.report(2, Report::Adopt(execution)), Reply::Granted);
    let orders = world.core.state().orders(executor(2));
    assert!(matches!(&orders[..], [Order::Cancel(cancel)] if cancel.execution == execution));
    finished(&mut world, 2, execution, End::Canceled);
    assert_eq!(holder(&world), None);
}

#[test]
fn who_leaves_hands_over_at_once_and_no_retry_is_counted() {
    let (mut world, run, _) = two_of_a_site();
    world.report(1, Report::Leaving);
    assert_eq!(holder(&world), Some(executor(2)));
    assert_eq!(world.core.state().runs[&run].attempt, 1);
    assert_eq!(world.core.state().standing(executor(1)), None);
}

#[test]
fn who_comes_later_inherits_what_waited() {
    let mut world = World::new(1);
    world.joins(1, "cluster", vec![]);
    let run = world.labelled(1);
    let execution = world.execution(run);
    world.report(1, Report::Claim(execution));
    world.report(1, Report::Leaving);
    assert_eq!(holder(&world), Some(executor(1)));
    let reply = world.joins(3, "cluster", vec![]);
    assert_eq!(holder(&world), Some(executor(3)));
    let missing = vec![world.execution(run)];
    let stale = vec![];
    assert_eq!(reply, Reply::Differences { missing, stale });
}

#[test]
fn who_drains_inherits_nothing() {
    let (mut world, _, _) = two_of_a_site();
    world.report(2, Report::Draining);
    world.silent(1, TERM);
    assert_eq!(holder(&world), Some(executor(1)));
    world.joins(2, "cluster", vec![]);
    assert_eq!(holder(&world), Some(executor(2)));
}

#[test]
fn a_silent_executor_that_is_heard_keeps_what_did_not_move() {
    let mut world = World::new(1);
    world.joins(1, "machine", vec![]);
    let run = world.labelled(1);
    let execution = world.execution(run);
    world.report(1, Report::Claim(execution));
    world.silent(1, TERM);
    let heard = Input::Heard {
        executor: executor(1),
    };
    world.step(None, &heard);
    assert_eq!(
        world.core.state().standing(executor(1)),
        Some(Standing::Present)
    );
    assert!(world.step(None, &heard).commit.is_none(), "heard once");
    finished(&mut world, 1, execution, End::Exited { code: 0 });
    assert_eq!(result(&world, run), Some(RunResult::Succeeded));
}

#[test]
fn a_full_project_delays_no_other() {
    let mut world = World::new(1);
    let other = ProjectId::new(uuid::Uuid::from_u128(2));
    world.command(Command::CreateProject {
        project: other,
        slug: name("other"),
    });
    world.command(Command::ResizePool {
        project: other,
        pool: name("default"),
        size: 1,
    });
    world.set_stack_of(other);
    let repository = RepositoryRef {
        provider: "github".parse().unwrap(),
        id: 77,
    };
    world.command(Command::AttachRepository {
        project: other,
        repository: repository.clone(),
    });
    for issue in 1..=20 {
        world.labelled(issue);
    }
    let mut facts = issue_labelled("d-other", 1);
    facts.repository.as_mut().unwrap().reference = repository;
    let step = world.deliver(facts);
    let run = step
        .commit
        .unwrap()
        .commit
        .events()
        .find_map(Event::run)
        .unwrap();
    let run = &world.core.state().runs[&run];
    assert_eq!(
        (run.project, run.status),
        (other, Status::Dispatched),
        "in the very commit that requested it"
    );
}

#[test]
fn a_paused_pool_starts_nothing_and_goes_on_when_resumed() {
    let mut world = World::new(1);
    let (project, pool) = (world.project, name("default"));
    let pause = Command::PausePool {
        project,
        pool: pool.clone(),
    };
    world.command(pause.clone());
    let run = world.labelled(1);
    assert_eq!(world.core.state().runs[&run].status, Status::Pending);
    world.command(pause);
    assert!(matches!(
        world.events().last(),
        Some(Event::CommandRejected { .. })
    ));
    world.command(Command::ResumePool { project, pool });
    assert_eq!(world.core.state().runs[&run].status, Status::Dispatched);
}

#[test]
fn a_retry_is_a_new_run_of_the_same_specification() {
    let (mut world, run, execution) = two_of_a_site();
    let request = world
        .events()
        .into_iter()
        .find_map(|event| match event {
            Event::RunRequested(request) => Some(request),
            _ => None,
        })
        .unwrap();
    let again = RunId::new(uuid::Uuid::from_u128(99));
    let retry = Command::RetryRun {
        request: request.clone(),
        run: again,
    };
    world.command(retry.clone());
    assert!(
        !world.core.state().runs.contains_key(&again),
        "it still lives"
    );
    finished(&mut world, 1, execution, End::Exited { code: 3 });
    assert_eq!(result(&world, run), Some(RunResult::Failed));
    world.command(retry.clone());
    assert_eq!(world.core.state().runs[&again].spec, request.spec);
    world.command(retry);
    assert!(matches!(
        world.events().last(),
        Some(Event::CommandRejected { .. })
    ));
    assert_eq!(
        world
            .events()
            .iter()
            .filter(|event| matches!(event, Event::RunRequested(_)))
            .count(),
        2
    );
}
