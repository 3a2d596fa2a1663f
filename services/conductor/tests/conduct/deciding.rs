//! Inputs become commits, and commits work.

use maestro_domain::{
    Command, Digest, Event, Report,
    command::Rejection,
    report::{End, Place, Reply},
    run::RunCommand,
};

use crate::bench::{Bench, WAIT, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_a_run_command_and_its_end_a_fact() {
    let bench = Bench::start().await;
    let (running, stop) = bench.conductor(quick());
    bench.seed().await;
    bench.labelled(1).await;
    let mut queue = bench
        .log
        .run_commands(&"default".parse().unwrap())
        .await
        .unwrap();
    let job = tokio::time::timeout(WAIT, queue.next())
        .await
        .unwrap()
        .unwrap();
    let Ok(RunCommand::Start(start)) = &job.command else {
        panic!("{:?}", job.command)
    };
    let spec = bench
        .vault
        .get(&start.spec.key)
        .await
        .unwrap()
        .expect("the spec is in the vault");
    assert!(String::from_utf8_lossy(&spec).contains("Fix it"));
    let execution = start.execution;
    assert_eq!(bench.report(Report::Claim(execution)).await, Reply::Granted);
    let at = maestro_runtime::clock::now();
    bench
        .report(Report::Started {
            execution,
            at,
            place: Place::default(),
        })
        .await;
    let end = End::Exited { code: 0 };
    let finished = Report::Finished {
        execution,
        end,
        at,
        log_bytes: 0,
        detail: None,
    };
    assert_eq!(bench.report(finished).await, Reply::Recorded);
    let events = bench.events_until("run.finished", 1).await;
    assert_eq!(events.last().unwrap().type_name(), "slot.released");
    let outcome = bench
        .command(Command::CancelRun { run: execution.run })
        .await;
    assert_eq!(outcome.rejection, Some(Rejection::RunEnded));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_and_a_restart_continues_with_a_snapshot() {
    let bench = Bench::start().await;
    let (first, _) = bench.conductor(quick());
    bench.seed().await;
    let (second, stop) = bench.conductor(quick());
    first.abort();
    bench.labelled(1).await;
    bench.events_until("run.dispatched", 1).await;
    let epochs: Vec<u64> = bench
        .commits()
        .await
        .iter()
        .map(|commit| commit.epoch)
        .collect();
    assert_eq!(*epochs.last().unwrap(), 2, "{epochs:?}");
    stop.cancel();
    second.await.unwrap().unwrap();
    maestro_testkit::wait_until(WAIT, || async {
        !bench.log.list_snapshots().await.unwrap().is_empty()
    })
    .await;
    let (third, stop) = bench.conductor(quick());
    bench.labelled(2).await;
    bench.events_until("run.dispatched", 2).await;
    stop.cancel();
    third.await.unwrap().unwrap();
    let commits = bench.commits().await;
    assert!(
        commits
            .windows(2)
            .all(|pair| pair[1].prev == Digest::of(&pair[0].encode()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_and_what_comes_behind_is_decided() {
    let bench = Bench::start().await;
    let (_running, _stop) = bench.conductor(quick());
    bench.seed().await;
    bench.deliver("poison", "this is not JSON").await;
    bench.labelled(1).await;
    let events = bench.events_until("run.requested", 1).await;
    assert!(
        events
            .iter()
            .any(|event| event.type_name() == "input.parked"),
        "{events:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_is_decided_once_over_many_leaders() {
    let bench = Bench::start().await;
    let (first, _) = bench.conductor(quick());
    bench.seed().await;
    let total = 200;
    let deliveries = async {
        for issue in 1..=total {
            bench.labelled(issue).await;
        }
    };
    let crashes = async {
        let mut current = first;
        for round in 1..=3 {
            bench.events_until("delivery.decided", round * 10).await;
            current.abort();
            current = bench.conductor(quick()).0;
        }
    };
    tokio::join!(deliveries, crashes);
    let events = bench
        .events_until("delivery.decided", usize::try_from(total).unwrap())
        .await;
    let mut ids: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::DeliveryDecided(decided) => Some(decided.delivery.clone()),
            _ => None,
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), usize::try_from(total).unwrap());
    let requested = events
        .iter()
        .filter(|event| event.type_name() == "run.requested")
        .count();
    assert_eq!(requested, ids.len());
}
