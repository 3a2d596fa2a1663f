//! Given, when, then: one rule each.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, delivery, executor, issue_labelled, name};
use maestro_domain::{
    Command, Event, Report, RunId,
    command::{Outcome, Rejection},
    core::{Input, Origin},
    event::{DecisionReason, InputProblem, RunResult, VerdictReason},
    report::{Assignment, End, Order, Place, Reply},
    run::{Reason, RunCommand, Status},
};

fn decided(world: &World) -> (DecisionReason, Vec<VerdictReason>) {
    let events = world.events();
    let decided = events.iter().rev().find_map(|event| match event {
        Event::DeliveryDecided(decided) => Some(decided),
        _ => None,
    });
    let decided = decided.unwrap();
    (
        decided.reason,
        decided
            .triggers
            .iter()
            .map(|verdict| verdict.reason)
            .collect(),
    )
}

fn result(world: &World, run: RunId) -> Option<(RunResult, Option<Reason>)> {
    world.events().iter().find_map(|event| match event {
        Event::RunFinished(finished) if finished.run == run => {
            Some((finished.result, finished.reason))
        }
        _ => None,
    })
}

#[test]
fn a_labelled_issue_becomes_a_run_that_is_dispatched_in_the_same_commit() {
    let mut world = World::new(1);
    let step = world.deliver(issue_labelled("d-1", 1));
    let types: Vec<_> = step
        .commit
        .unwrap()
        .commit
        .events()
        .map(Event::type_name)
        .collect();
    assert_eq!(
        types,
        [
            "delivery.decided",
            "run.requested",
            "slot.leased",
            "run.dispatched"
        ]
    );
    assert!(matches!(step.run_commands[..], [RunCommand::Start(_)]));
    let sealed: Vec<_> = step
        .seals
        .iter()
        .map(|seal| seal.key.as_str().to_owned())
        .collect();
    assert!(
        sealed
            .iter()
            .any(|key| key.starts_with("person.github.7.run.run_")),
        "{sealed:?}"
    );
}

#[test]
fn no_text_of_a_payload_reaches_the_log() {
    let mut world = World::new(1);
    world.labelled(1);
    let log = world
        .log
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    for commit in log {
        for text in ["Fix the till", "octocat", "acme/shop", "Implement issue"] {
            assert!(!commit.contains(text), "{text} is in {commit}");
        }
    }
}

#[test]
fn every_delivery_is_decided_with_a_reason_for_each_trigger() {
    let mut world = World::new(1);
    world.deliver(delivery("d-1", "star"));
    assert_eq!(
        decided(&world),
        (
            DecisionReason::NoTriggerMatched,
            vec![VerdictReason::EventDiffers; 3]
        )
    );
    let mut push = delivery("d-2", "push");
    push.branch = Some("dev".into());
    world.deliver(push.clone());
    assert_eq!(decided(&world).1[1], VerdictReason::BranchDiffers);
    push.id = "d-3".parse().unwrap();
    push.branch = Some("release/1/2".into());
    push.paths = vec!["docs/x.md".into()];
    world.deliver(push.clone());
    assert_eq!(decided(&world).1[1], VerdictReason::PathsUntouched);
    push.id = "d-4".parse().unwrap();
    push.paths.push("src/lib.rs".into());
    world.deliver(push);
    assert_eq!(
        decided(&world),
        (DecisionReason::Started, {
            use VerdictReason::{EventDiffers, Started};
            vec![EventDiffers, Started, EventDiffers]
        })
    );
    world.deliver(delivery("d-5", "ping"));
    assert_eq!(decided(&world).0, DecisionReason::Ping);
    let mut pull = delivery("d-6", "pull_request");
    pull.payload = serde_json::json!({"number": 2});
    world.deliver(pull);
    assert_eq!(decided(&world).1[2], VerdictReason::ConditionFalse);
    world.deliver(delivery("d-7", "pull_request"));
    assert_eq!(decided(&world).1[2], VerdictReason::ConditionFailed);
    let mut issue = issue_labelled("d-8", 8);
    issue.payload = serde_json::json!({});
    world.deliver(issue);
    assert_eq!(decided(&world).1[0], VerdictReason::TemplateFailed);
}

#[test]
fn one_action_under_two_delivery_ids_starts_one_run() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let mut again = issue_labelled("another-id", 1);
    again.body = maestro_domain::Digest::of(b"another body");
    world.deliver(again);
    assert_eq!(decided(&world).0, DecisionReason::AlreadyStarted);
    let events = world.events();
    let Some(Event::DeliveryDecided(last)) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(last.triggers[0].run, Some(run));
}

#[test]
fn a_claim_is_granted_once_and_only_to_the_current_token() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let execution = world.execution(run);
    let mut stale = execution;
    stale.token += 1;
    assert_eq!(world.report(1, Report::Claim(stale)), Reply::Refused);
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Granted);
    let before = world.log.len();
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Granted);
    assert_eq!(world.log.len(), before, "a repeated claim changes nothing");
    assert_eq!(world.report(2, Report::Claim(execution)), Reply::Refused);
}

#[test]
fn terminal_is_final() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let execution = world.execution(run);
    world.report(1, Report::Claim(execution));
    world.finish(execution, End::Exited { code: 3 });
    assert_eq!(
        result(&world, run),
        Some((RunResult::Failed, Some(Reason::ExitCode)))
    );
    let before = world.log.len();
    world.finish(execution, End::Exited { code: 0 });
    world.report(
        1,
        Report::Started {
            execution,
            at: world.now,
            place: Place::default(),
        },
    );
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Refused);
    assert_eq!(world.log.len(), before);
}

#[test]
fn slots_limit_and_the_oldest_goes_first() {
    let mut world = World::new(2);
    let runs: Vec<_> = (1..=4).map(|issue| world.labelled(issue)).collect();
    let statuses = |world: &World| {
        runs.iter()
            .map(|run| world.core.state().runs.get(run).map(|run| run.status))
            .collect::<Vec<_>>()
    };
    let (dispatched, pending) = (Some(Status::Dispatched), Some(Status::Pending));
    assert_eq!(statuses(&world), [dispatched, dispatched, pending, pending]);
    let execution = world.execution(runs[1]);
    world.report(1, Report::Claim(execution));
    world.finish(execution, End::Exited { code: 0 });
    assert_eq!(statuses(&world), [dispatched, None, dispatched, pending]);
}

#[test]
fn infrastructure_loss_is_retried_with_a_new_token_and_bounded() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let mut tokens = Vec::new();
    for attempt in 1..=3 {
        let execution = world.execution(run);
        assert_eq!(execution.attempt, attempt);
        tokens.push(execution.token);
        world.report(1, Report::Claim(execution));
        world.finish(execution, End::Lost);
        world.pass(60);
    }
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
    assert_eq!(
        result(&world, run),
        Some((RunResult::Failed, Some(Reason::JobMissing)))
    );
}

#[test]
fn cancel_of_a_waiting_run_is_immediate_and_of_a_claimed_one_is_asked_for() {
    let mut world = World::new(1);
    let (first, second) = (world.labelled(1), world.labelled(2));
    world.command(Command::CancelRun { run: second });
    assert_eq!(
        result(&world, second),
        Some((RunResult::Canceled, Some(Reason::Canceled)))
    );
    let execution = world.execution(first);
    world.report(1, Report::Claim(execution));
    world.command(Command::CancelRun { run: first });
    assert_eq!(result(&world, first), None);
    assert!(matches!(
        world.orders.last(),
        Some((_, Order::Cancel(Assignment { .. })))
    ));
    world.finish(execution, End::Canceled);
    assert_eq!(
        result(&world, first),
        Some((RunResult::Canceled, Some(Reason::Canceled)))
    );
    let Reply::Outcome(Outcome { rejection, .. }) =
        world.command(Command::CancelRun { run: first })
    else {
        panic!("a command has an outcome")
    };
    assert_eq!(rejection, Some(Rejection::RunEnded));
}

#[test]
fn a_cancelled_dispatch_can_no_longer_be_claimed_and_frees_its_slot() {
    let mut world = World::new(1);
    let (first, second) = (world.labelled(1), world.labelled(2));
    let execution = world.execution(first);
    world.command(Command::CancelRun { run: first });
    assert_eq!(world.report(1, Report::Claim(execution)), Reply::Refused);
    assert_eq!(world.core.state().runs[&second].status, Status::Dispatched);
}

#[test]
fn a_newer_run_of_a_group_supersedes_the_older_and_waits_for_its_end() {
    let mut world = World::new(2);
    let pull = |id: &str| {
        let mut pull = delivery(id, "pull_request");
        pull.payload = serde_json::json!({"number": 9});
        pull
    };
    let first = world
        .deliver(pull("d-1"))
        .commit
        .unwrap()
        .commit
        .events()
        .find_map(Event::run);
    let first = first.unwrap();
    let execution = world.execution(first);
    world.report(1, Report::Claim(execution));
    let second = world.deliver(pull("d-2")).commit.unwrap();
    let second = second.commit.events().find_map(Event::run).unwrap();
    assert_eq!(world.core.state().runs[&second].status, Status::Pending);
    world.finish(execution, End::Canceled);
    assert_eq!(
        result(&world, first),
        Some((RunResult::Canceled, Some(Reason::Superseded)))
    );
    assert_eq!(world.core.state().runs[&second].status, Status::Dispatched);
}

#[test]
fn the_watchdog_ends_what_nobody_reports_on_and_keeps_the_slot_until_the_end_is_seen() {
    let mut world = World::new(1);
    let (first, second) = (world.labelled(1), world.labelled(2));
    let execution = world.execution(first);
    world.report(1, Report::Claim(execution));
    world.pass(30 * 60 + 15 * 60 + 121);
    assert_eq!(
        result(&world, first),
        Some((RunResult::Failed, Some(Reason::ExecutorLost)))
    );
    assert_eq!(world.core.state().runs[&second].status, Status::Pending);
    assert_eq!(
        world.core.state().orders(executor(1)).len(),
        1,
        "its end is asked for again"
    );
    world.finish(execution, End::Canceled);
    assert_eq!(world.core.state().runs[&second].status, Status::Dispatched);
}

#[test]
fn an_unclaimed_dispatch_is_tried_again() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let first = world.execution(run);
    world.pass(31 * 60);
    world.pass(60);
    let second = world.execution(run);
    assert!(
        second.attempt == 2 && second.token > first.token,
        "{second:?}"
    );
    assert_eq!(world.report(1, Report::Claim(first)), Reply::Refused);
}

#[test]
fn an_inventory_is_answered_with_what_should_be_there() {
    let mut world = World::new(3);
    let runs: Vec<_> = (1..=3).map(|issue| world.labelled(issue)).collect();
    let executions: Vec<_> = runs.iter().map(|run| world.execution(*run)).collect();
    world.report(1, Report::Claim(executions[0]));
    world.report(1, Report::Claim(executions[1]));
    world.report(2, Report::Claim(executions[2]));
    let pool = name("default");
    let reply = world.report(
        1,
        Report::Inventory {
            pool,
            executions: vec![executions[0]],
            membership: None,
        },
    );
    let differences = Reply::Differences {
        missing: vec![executions[1]],
        stale: Vec::new(),
    };
    assert_eq!(reply, differences);
}

#[test]
fn a_command_key_has_one_outcome() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let first = world.command_with_key(Command::CancelRun { run }, "same");
    let before = world.log.len();
    assert_eq!(
        world.command_with_key(Command::CancelRun { run }, "same"),
        first
    );
    assert_eq!(world.log.len(), before);
}

#[test]
fn time_never_runs_backwards() {
    let mut world = World::new(1);
    world.now = maestro_domain::Timestamp::from_millis(0);
    let commit = world
        .deliver(delivery("d-1", "push"))
        .commit
        .unwrap()
        .commit;
    assert!(commit.at.millis() > 0);
}

#[test]
fn poison_and_losses_are_on_the_record() {
    let mut world = World::new(1);
    let origin = Some(Origin {
        stream: "DELIVERIES",
        of: "one".into(),
        seq: 9,
    });
    let poison = Input::Poison {
        problem: InputProblem::Undecodable,
        delivery: None,
    };
    world.step(origin.clone(), &poison);
    world.step(origin, &Input::Lost { from: 5 });
    let events = world.events();
    let types: Vec<_> = events.iter().rev().take(2).map(Event::type_name).collect();
    assert_eq!(types, ["input.lost", "input.parked"]);
    assert_eq!(world.core.state().cursors["DELIVERIES"].seq, 9);
}

#[test]
fn replay_leads_to_the_same_state_and_a_broken_chain_is_refused() {
    let mut world = World::new(1);
    let run = world.labelled(1);
    let execution = world.execution(run);
    world.report(1, Report::Claim(execution));
    world.finish(execution, End::Exited { code: 0 });
    assert_eq!(&world.replayed(), world.core.state());
    let text = serde_json::to_string(world.core.state()).unwrap();
    assert_eq!(
        &serde_json::from_str::<maestro_domain::State>(&text).unwrap(),
        world.core.state()
    );
    let mut core = maestro_domain::Core::new(maestro_domain::State::default(), common::key());
    let second = maestro_domain::Commit::decode(&world.log[1]).unwrap();
    assert!(core.apply(&second, &world.log[1]).is_err());
    let _ = executor(1);
}
