//! No decision outgrows its message, whatever the input asks for and however much waits.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;

use common::{World, delivery, name};
use maestro_domain::{
    Command, DeliveryFacts, Event, RunId, Timestamp,
    commit::MAX_COMMIT_BYTES,
    core::{Facts, Input},
    event::{RunResult, VerdictReason},
    run::Status,
    stack::MAX_TRIGGERS,
};

/// As long as a name can be.
fn long(index: usize) -> String {
    format!("{index:0>63}")
}

/// As many triggers as a stack may have, all of them for `push` and with the longest names.
fn many_triggers(concurrency: &str) -> String {
    let mut text = format!(
        "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {{name: shop}}\nspec:\n  \
         runs:\n    {}: {{command: [work], pool: {}}}\n  triggers:\n",
        long(0),
        long(1),
    );
    for index in 0..MAX_TRIGGERS {
        let (trigger, run) = (long(index), long(0));
        writeln!(
            text,
            "    - {{name: {trigger}, on: {{event: push}}, run: {run}{concurrency}}}"
        )
        .unwrap();
    }
    text
}

fn push(n: usize) -> DeliveryFacts {
    delivery(&format!("{n:0>128}"), "push")
}

fn resize(world: &mut World, size: u32) {
    let (project, pool) = (world.project, name(&long(1)));
    world.command(Command::ResizePool {
        project,
        pool,
        size,
    });
}

fn largest_commit(world: &World) -> usize {
    world.log.iter().map(Vec::len).max().unwrap()
}

fn count(world: &World, status: Status) -> usize {
    world
        .core
        .state()
        .runs
        .values()
        .filter(|run| run.status == status)
        .count()
}

/// Deals with what is due without letting time pass; how many decisions that took.
fn tick(world: &mut World) -> usize {
    let before = world.log.len();
    world.pass(0);
    world.log.len() - before
}

#[test]
fn a_hundred_runs_with_the_longest_names_start_in_one_commit() {
    let mut world = World::with_stack(&many_triggers(""), 0);
    resize(&mut world, 1_000);
    let mut facts = push(1);
    facts.provider = "p".repeat(32).parse().unwrap();
    let repository = facts.repository.as_mut().unwrap();
    (repository.reference.provider, repository.reference.id) = (facts.provider.clone(), u64::MAX);
    let sender = facts.sender.as_mut().unwrap();
    (sender.reference.provider, sender.reference.id) = (facts.provider.clone(), u64::MAX);
    (facts.number, facts.event) = (Some(u64::MAX), "push".to_owned());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let now = Facts {
        now: world.now,
        traceparent: Some(trace.to_owned()),
    };
    let step = world.step_with(None, &Input::Delivery(Box::new(facts)), &now);
    let stored = step.commit.unwrap();
    assert_eq!(step.run_commands.len(), MAX_TRIGGERS);
    assert!(
        stored.bytes.len() <= MAX_COMMIT_BYTES / 2,
        "{} bytes",
        stored.bytes.len()
    );
}

#[test]
fn a_pool_that_grows_starts_what_waits_in_several_commits_and_in_order() {
    let mut world = World::with_stack(&many_triggers(""), 0);
    resize(&mut world, 0);
    (0..12).for_each(|n| drop(world.deliver(push(n))));
    assert_eq!(count(&world, Status::Pending), 1_200);
    resize(&mut world, 1_000);
    assert!(
        count(&world, Status::Dispatched) < 1_000,
        "one commit would hold them all"
    );
    let decisions = tick(&mut world);
    assert_eq!(count(&world, Status::Dispatched), 1_000);
    assert!(decisions < 20, "{decisions} decisions");
    let runs = world.core.state().runs.values();
    let (waiting, started): (Vec<_>, Vec<_>) = runs.partition(|run| run.status == Status::Pending);
    let oldest_waiting = waiting.iter().map(|run| run.age).min().unwrap();
    assert!(started.iter().all(|run| run.age < oldest_waiting));
    assert!(largest_commit(&world) <= MAX_COMMIT_BYTES);
    assert_eq!(&world.replayed(), world.core.state());
}

#[test]
fn what_waits_for_the_next_tick_is_not_forgotten_when_its_run_is_cancelled() {
    let mut world = World::with_stack(&many_triggers(""), 0);
    resize(&mut world, 0);
    (0..10).for_each(|n| drop(world.deliver(push(n))));
    resize(&mut world, 900);
    let deferred: Vec<RunId> = deferred(&world);
    assert_eq!(deferred.len(), 1, "{deferred:?}");
    world.command(Command::CancelRun { run: deferred[0] });
    tick(&mut world);
    assert_eq!(count(&world, Status::Dispatched), 900);
}

fn deferred(world: &World) -> Vec<RunId> {
    let runs = world.core.state().runs.iter();
    let due = runs.filter(|(_, run)| run.status == Status::Pending && run.timer.is_some());
    due.map(|(id, _)| *id).collect()
}

#[test]
fn a_run_that_supersedes_thousands_ends_them_in_several_commits_and_starts_last() {
    let group = ", concurrency: {group: all}";
    let superseding = "    - {name: latest, on: {event: release}, run: newest, \
                       concurrency: {group: all, cancelSuperseded: true}}\n";
    let text = many_triggers(group).replace(
        "  triggers:\n",
        "    newest: {command: [work], pool: \"0\"}\n  triggers:\n",
    );
    let (text, last) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(
        last.contains(&long(MAX_TRIGGERS - 1)),
        "one trigger gives way to `latest`"
    );
    let mut world = World::with_stack(&format!("{text}\n{superseding}"), 0);
    resize(&mut world, 3);
    let (project, pool) = (world.project, name("0"));
    world.command(Command::ResizePool {
        project,
        pool,
        size: 1,
    });
    (0..12).for_each(|n| drop(world.deliver(push(n))));
    let step = world.deliver(delivery("newest", "release"));
    let commit = step.commit.unwrap().commit;
    let newest = commit.events().find_map(Event::run).unwrap();
    assert!(
        deferred(&world).contains(&newest),
        "there was too much for one commit"
    );
    assert_eq!(
        world.core.state().runs[&newest].status,
        Status::Pending,
        "others come first"
    );
    world.deliver(push(99));
    let decisions = tick(&mut world);
    assert!(decisions < 20, "{decisions} decisions");
    assert_eq!(world.core.state().runs[&newest].status, Status::Dispatched);
    let (age, runs) = (
        world.core.state().runs[&newest].age,
        &world.core.state().runs,
    );
    assert!(
        runs.values().all(|run| run.age >= age),
        "all older ones have ended"
    );
    assert_eq!(runs.len(), MAX_TRIGGERS, "and no younger one");
    let events = world.events();
    let superseded = events.iter().filter(|event| {
        matches!(event, Event::RunFinished(finished) if finished.result == RunResult::Canceled)
    });
    assert_eq!(superseded.count(), 12 * (MAX_TRIGGERS - 1));
    assert!(largest_commit(&world) <= MAX_COMMIT_BYTES);
    assert_eq!(&world.replayed(), world.core.state());
}

#[test]
fn a_run_with_more_to_supersede_keeps_younger_runs() {
    let group = ", concurrency: {group: \"{{ group }}\", cancelSuperseded: true}";
    let mut world = World::with_stack(&many_triggers(group), 0);
    resize(&mut world, 0);
    for n in 0..3 {
        let mut facts = push(n);
        facts.payload = serde_json::json!({"group": "all"});
        world.deliver(facts);
        tick(&mut world);
    }
    let left: Vec<_> = world
        .core
        .state()
        .runs
        .values()
        .map(|run| run.age)
        .collect();
    assert_eq!(left, [3 * MAX_TRIGGERS as u64], "the youngest remains");
    assert!(largest_commit(&world) <= MAX_COMMIT_BYTES);
}

#[test]
fn long_texts_of_a_host_do_not_reach_the_log() {
    let mut world = World::with_stack(&many_triggers(""), 1);
    resize(&mut world, 1);
    let endless = "really long ".repeat(50_000);
    let mut facts = delivery("d-1", &endless);
    facts.action = Some(endless.clone());
    let now = Facts {
        now: world.now,
        traceparent: Some(endless.clone()),
    };
    world.step_with(None, &Input::Delivery(Box::new(facts)), &now);
    world.step_with(None, &Input::TakeOver { instance: endless }, &now);
    let [.., decided, _] = &world.events()[..] else {
        panic!("two events")
    };
    let Event::DeliveryDecided(decided) = decided else {
        panic!("{decided:?}")
    };
    assert_eq!(
        (decided.event.as_str(), &decided.action),
        ("unknown", &None)
    );
    assert!(
        world
            .log
            .iter()
            .rev()
            .take(2)
            .all(|bytes| bytes.len() < 20_000)
    );
}

#[test]
fn a_clock_at_the_end_of_time_still_writes_readable_commits() {
    let mut world = World::new(1);
    let facts = Facts {
        now: Timestamp::from_millis(i64::MAX),
        traceparent: None,
    };
    let input = Input::TakeOver {
        instance: "one".to_owned(),
    };
    world.step_with(None, &input, &facts);
    assert_eq!(&world.replayed(), world.core.state());
}

#[test]
fn a_run_whose_texts_are_too_long_for_the_vault_is_not_requested() {
    let variables: Vec<String> = (0..20)
        .map(|n| format!("V{n}: \"{{{{ text }}}}\""))
        .collect();
    let stack = format!(
        "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {{name: shop}}\nspec:\n  \
         triggers: [{{name: t, on: {{event: push}}, run: r}}]\n  \
         runs: {{r: {{command: [work], env: {{{}}}}}}}\n",
        variables.join(", ")
    );
    let verdict = |length: usize| {
        let mut world = World::with_stack(&stack, 1);
        let mut facts = delivery("d-1", "push");
        facts.payload = serde_json::json!({"text": "x".repeat(length)});
        facts.sender.as_mut().unwrap().login = "x".repeat(1_000_000);
        let step = world.deliver(facts);
        assert!(
            step.seals
                .iter()
                .all(|seal| seal.plaintext.len() <= 512 * 1024)
        );
        let events = world.events();
        let decided = events.into_iter().find_map(|event| match event {
            Event::DeliveryDecided(decided) => Some(decided.triggers[0].reason),
            _ => None,
        });
        decided.unwrap()
    };
    assert_eq!(verdict(20_000), VerdictReason::Started);
    assert_eq!(verdict(30_000), VerdictReason::TemplateFailed);
}
