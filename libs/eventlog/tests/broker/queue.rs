use std::time::Duration;

use maestro_domain::{
    Name, ProjectId, RunId, VaultKey,
    digest::Digest,
    report::Execution,
    run::{RunCommand, Start},
    sealed::Sealed,
};
use maestro_eventlog::Stream;
use maestro_testkit::wait_until;
use tokio::time::Instant;
use uuid::Uuid;

use crate::setup::{SOON, raw, soon, start};

fn pool(name: &str) -> Name {
    name.parse().unwrap()
}

fn execution(n: u128) -> Execution {
    Execution {
        run: RunId::new(Uuid::from_u128(n)),
        attempt: 1,
        token: 7,
    }
}

fn start_command(n: u128, in_pool: &str) -> RunCommand {
    let digest = Digest::of(b"spec");
    RunCommand::Start(Start {
        execution: execution(n),
        spec: Sealed {
            key: VaultKey::stack(&digest),
            digest,
        },
        project: ProjectId::new(Uuid::from_u128(1)),
        slug: pool("shop"),
        pool: pool(in_pool),
        trigger: pool("agent-dev"),
        delivery: "d-1".parse().unwrap(),
        event: "issues".to_owned(),
        traceparent: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_their_pool_once_and_leave_when_acknowledged() {
    let (_nats, log) = start().await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for _ in 0..2 {
        log.send_run_command(&start_command(1, "default"), Some(traceparent))
            .await
            .unwrap();
        log.send_run_command(&start_command(3, "default"), None)
            .await
            .unwrap();
        log.send_run_command(&start_command(2, "gpu"), None)
            .await
            .unwrap();
    }
    let mut commands = log.run_commands(&pool("default")).await.unwrap();
    let first = soon(commands.next()).await.unwrap();
    assert_eq!(
        *first.command.as_ref().unwrap(),
        start_command(1, "default")
    );
    assert_eq!(
        (first.traceparent.as_deref(), first.delivered),
        (Some(traceparent), 1)
    );
    first.ack().await.unwrap();
    let second = soon(commands.next()).await.unwrap();
    assert_eq!(
        *second.command.as_ref().unwrap(),
        start_command(3, "default")
    );
    second.ack().await.unwrap();
    let state = log.stream_state(Stream::RunCommands).await.unwrap();
    assert_eq!((state.last_seq, state.messages), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unacknowledged_command_comes_again() {
    let (_nats, log) = start().await;
    log.send_run_command(&start_command(1, "default"), None)
        .await
        .unwrap();
    let mut one = log.run_commands(&pool("default")).await.unwrap();
    let mut other = log.run_commands(&pool("default")).await.unwrap();
    let job = soon(one.next()).await.unwrap();
    drop((job, one));
    let asked_at = Instant::now();
    let job = soon(other.next()).await.unwrap();
    assert_eq!(job.delivered, 2);
    assert!(
        asked_at.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked_at.elapsed()
    );
    job.nak(Duration::from_millis(1)).await.unwrap();
    let job = soon(other.next()).await.unwrap();
    assert_eq!(job.delivered, 3);
    job.term().await.unwrap();
    wait_until(SOON, || async {
        log.stream_state(Stream::RunCommands)
            .await
            .unwrap()
            .messages
            == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_survives_a_crash_of_the_broker() {
    let (mut nats, log) = start().await;
    let mut commands = log.run_commands(&pool("default")).await.unwrap();
    log.send_run_command(&start_command(1, "default"), None)
        .await
        .unwrap();
    soon(commands.next()).await.unwrap().ack().await.unwrap();
    nats.kill9().await;
    nats.start_again().await;
    wait_until(SOON, || async {
        log.send_run_command(&start_command(2, "default"), None)
            .await
            .is_ok()
    })
    .await;
    let job = soon(commands.next()).await.unwrap();
    assert_eq!(job.command.as_ref().unwrap().execution(), execution(2));
    job.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_read_is_handed_out_for_parking() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    raw.publish("maestro.run_commands.default.start", "garbage".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let mut commands = log.run_commands(&pool("default")).await.unwrap();
    let job = soon(commands.next()).await.unwrap();
    assert!(job.command.is_err());
    assert_eq!(job.payload, "garbage");
    job.park("no JSON\nat all").await.unwrap();
    let parked = raw.get_stream("PARKED").await.unwrap();
    let kept = parked.get_raw_message(1).await.unwrap();
    assert_eq!(kept.payload, "garbage");
    let origin = kept.headers.get("Maestro-Origin").unwrap();
    assert_eq!(origin.as_str(), "maestro.run_commands.default.start");
    wait_until(SOON, || async {
        let state = log.stream_state(Stream::RunCommands).await;
        state.unwrap().messages == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_left_is_passed_over() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    raw.publish("maestro.run_commands.default.cancel", "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
    log.send_run_command(&start_command(1, "default"), None)
        .await
        .unwrap();
    let mut commands = log.run_commands(&pool("default")).await.unwrap();
    let job = soon(commands.next()).await.unwrap();
    assert_eq!(job.command.as_ref().unwrap().execution(), execution(1));
    job.ack().await.unwrap();
    wait_until(SOON, || async {
        let state = log.stream_state(Stream::RunCommands).await;
        state.unwrap().messages == 0
    })
    .await;
    let parked = log.stream_state(Stream::Parked).await.unwrap();
    assert_eq!(parked.messages, 0);
}
