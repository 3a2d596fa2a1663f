//! Executors that live, fall silent and leave.

use std::time::Duration;

use maestro_conductor::Config;
use maestro_domain::{
    Event, Report,
    report::{Assignment, Execution, Membership, Order, Orders, Place, Reply},
    run::RunCommand,
};
use maestro_testkit::wait_until;
use tokio_util::task::AbortOnDropHandle;

use crate::bench::{Bench, executor, quick};

/// What a loaded machine may need.
const SOON: Duration = Duration::from_secs(30);

fn short_term() -> Config {
    Config {
        lease_term_ms: 2_000,
        ..quick()
    }
}

async fn join(bench: &Bench, n: u128) {
    let inventory = Report::Inventory {
        pool: "default".parse().unwrap(),
        executions: Vec::new(),
        membership: Some(Membership {
            site: "one-cluster".parse().unwrap(),
            backend: "kubernetes".parse().unwrap(),
        }),
    };
    let answer = bench.report_of(n, inventory).await;
    assert!(matches!(answer, Reply::Differences { .. }), "{answer:?}");
}

/// Starts the run of an issue as this executor.
async fn run(bench: &Bench, n: u128, issue: u64) -> Execution {
    bench.labelled(issue).await;
    let pool = "default".parse().unwrap();
    let mut queue = bench.log.run_commands(&pool).await.unwrap();
    let job = tokio::time::timeout(SOON, queue.next())
        .await
        .unwrap()
        .unwrap();
    let Ok(RunCommand::Start(start)) = &job.command else {
        panic!("{:?}", job.command)
    };
    let execution = start.execution;
    job.ack().await.unwrap();
    let claimed = bench.report_of(n, Report::Claim(execution)).await;
    assert_eq!(claimed, Reply::Granted);
    let started = Report::Started {
        execution,
        at: maestro_runtime::clock::now(),
        place: Place::default(),
    };
    bench.report_of(n, started).await;
    execution
}

/// Sends heartbeats of an executor until it is dropped.
fn alive(bench: &Bench, n: u128) -> AbortOnDropHandle<()> {
    let log = bench.log.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let _ = log.heartbeat(executor(n)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }))
}

/// What an executor is told with its next heartbeat.
async fn told(bench: &Bench, n: u128) -> Orders {
    let answer = async {
        loop {
            if let Ok(orders) = bench.log.heartbeat(executor(n)).await {
                return orders;
            }
        }
    };
    tokio::time::timeout(SOON, answer).await.unwrap()
}

fn assignment(execution: Execution) -> Assignment {
    Assignment {
        pool: "default".parse().unwrap(),
        execution,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leases_of_a_silent_executor_move_and_it_learns_that_it_is_not_counted_on() {
    let bench = Bench::start().await;
    let (_running, _stop) = bench.conductor(short_term());
    bench.seed().await;
    let unknown = told(&bench, 9).await;
    assert!(!unknown.known);
    assert_eq!(unknown.term_ms, 2_000);
    join(&bench, 9).await;
    join(&bench, 10).await;
    let (first, _second) = (alive(&bench, 9), alive(&bench, 10));
    let mut orders = bench.log.orders(executor(10)).await.unwrap();
    let execution = run(&bench, 9, 1).await;
    assert!(told(&bench, 9).await.known);
    drop(first);
    let events = bench.events_until("slot.lease_moved", 1).await;
    let silent: Vec<_> = events
        .iter()
        .filter(|event| event.type_name() == "executor.silent")
        .collect();
    assert!(
        matches!(&silent[..], [Event::ExecutorSilent { executor: gone }] if *gone == executor(9)),
        "{silent:?}"
    );
    let pushed = tokio::time::timeout(SOON, orders.next()).await.unwrap();
    let repeated = told(&bench, 10).await.orders;
    assert_eq!(repeated, [pushed.clone().unwrap()]);
    let Some(Order::Adopt(moved)) = pushed else {
        panic!("{pushed:?}")
    };
    assert_eq!(moved.execution.run, execution.run);
    assert!(moved.execution.token > execution.token);
    let adopted = bench.report_of(10, Report::Adopt(moved.execution)).await;
    assert_eq!(adopted, Reply::Granted);
    assert_eq!(told(&bench, 10).await.orders, []);
    assert!(!told(&bench, 9).await.known);
    let stale = bench.report_of(9, Report::Adopt(execution)).await;
    assert_eq!(stale, Reply::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_executor_that_nobody_can_replace_returns_to_its_leases() {
    let bench = Bench::start().await;
    let (_running, _stop) = bench.conductor(short_term());
    bench.seed().await;
    join(&bench, 9).await;
    let execution = run(&bench, 9, 1).await;
    bench.events_until("executor.silent", 1).await;
    assert!(told(&bench, 9).await.known);
    let events = bench.events_until("executor.returned", 1).await;
    assert!(
        !events
            .iter()
            .any(|event| event.type_name().starts_with("slot.lease_moved")),
        "{events:?}"
    );
    let granted = bench.report_of(9, Report::Adopt(execution)).await;
    assert_eq!(granted, Reply::Granted, "it still has its lease");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_moves_leases_at_once() {
    let bench = Bench::start().await;
    // So long that the test would not live to see its end.
    let config = Config {
        lease_term_ms: 60_000,
        ..quick()
    };
    let (_running, _stop) = bench.conductor(config);
    bench.seed().await;
    join(&bench, 9).await;
    join(&bench, 10).await;
    let execution = run(&bench, 9, 1).await;
    assert_eq!(bench.report_of(9, Report::Leaving).await, Reply::Recorded);
    let orders = told(&bench, 10).await.orders;
    assert!(
        matches!(&orders[..], [Order::Adopt(of)] if of.execution.run == execution.run),
        "{orders:?}"
    );
    assert!(!told(&bench, 9).await.known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_repeated_until_the_end_is_reported() {
    let bench = Bench::start().await;
    let (_running, _stop) = bench.conductor(quick());
    bench.seed().await;
    join(&bench, 9).await;
    let mut pushes = bench.log.orders(executor(9)).await.unwrap();
    let execution = run(&bench, 9, 1).await;
    let cancel = maestro_domain::Command::CancelRun { run: execution.run };
    assert_eq!(bench.command(cancel).await.rejection, None);
    let order = Order::Cancel(assignment(execution));
    let pushed = tokio::time::timeout(SOON, pushes.next()).await.unwrap();
    assert_eq!(pushed, Some(order.clone()));
    for _ in 0..2 {
        assert_eq!(told(&bench, 9).await.orders, std::slice::from_ref(&order));
    }
    let canceled = Report::Finished {
        execution,
        end: maestro_domain::report::End::Canceled,
        at: maestro_runtime::clock::now(),
        log_bytes: 0,
        detail: None,
    };
    bench.report_of(9, canceled).await;
    assert_eq!(told(&bench, 9).await.orders, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_deliveries_makes_nobody_silent() {
    const FLOOD: usize = 1_000;
    let bench = Bench::start().await;
    let config = Config {
        lease_ms: 10_000,
        lease_term_ms: 5_000,
        ..quick()
    };
    let (_running, _stop) = bench.conductor(config);
    bench.seed().await;
    join(&bench, 9).await;
    let _alive = alive(&bench, 9);
    let flood = async {
        for issue in 1..=FLOOD as u64 {
            bench.labelled(issue).await;
        }
    };
    let asking = async {
        // One that waits for longer than 2 s fails.
        loop {
            assert!(bench.log.heartbeat(executor(9)).await.unwrap().known);
        }
    };
    let decided = async {
        flood.await;
        bench.events_until("delivery.decided", FLOOD).await
    };
    let events = tokio::select! {
        events = decided => events,
        () = asking => unreachable!("it asks for ever"),
    };
    assert!(
        !events
            .iter()
            .any(|event| event.type_name() == "executor.silent"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_everybody_is_heard_out_and_the_new_leader_answers() {
    let bench = Bench::start().await;
    let (first, _) = bench.conductor(short_term());
    bench.seed().await;
    join(&bench, 9).await;
    let execution = run(&bench, 9, 1).await;
    let _alive = alive(&bench, 9);
    let (_second, _stop) = bench.conductor(short_term());
    first.abort();
    bench.events_until("conductor.took_over", 2).await;
    let known = async || told(&bench, 9).await.known;
    wait_until(SOON, known).await;
    let granted = bench.report_of(9, Report::Adopt(execution)).await;
    assert_eq!(granted, Reply::Granted);
    let silent = bench.commits().await;
    assert!(
        !silent
            .iter()
            .flat_map(|commit| commit.events())
            .any(|event| event.type_name() == "executor.silent")
    );
}
