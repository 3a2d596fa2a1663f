use std::time::Duration;

use maestro_domain::{
    ExecutorId, Name,
    command::{Actor, Command, CommandMessage, Outcome, Rejection},
    report::{Execution, Reply, Report, ReportMessage},
};
use maestro_eventlog::{Error, EventLog, RequestError, Stream};
use uuid::Uuid;

use crate::setup::{soon, start};

const PATIENCE: Duration = Duration::from_secs(10);

fn pool() -> Name {
    "default".parse().unwrap()
}

fn claim() -> ReportMessage {
    let run = maestro_domain::RunId::new(Uuid::from_u128(1));
    ReportMessage {
        executor: ExecutorId::new(Uuid::from_u128(2)),
        report: Report::Claim(Execution {
            run,
            attempt: 1,
            token: 3,
        }),
    }
}

fn command() -> CommandMessage {
    CommandMessage {
        key: "key-1".parse().unwrap(),
        actor: Actor::System("bootstrap".parse().unwrap()),
        reason: None,
        command: Command::CancelRun {
            run: maestro_domain::RunId::new(Uuid::from_u128(1)),
        },
    }
}

/// Answers the first message of a stream.
fn answer_first(log: &EventLog, stream: Stream, reply: Reply) -> tokio::task::JoinHandle<String> {
    let log = log.clone();
    tokio::spawn(async move {
        let message = soon(log.read(stream, 1).next()).await.unwrap();
        log.answer(message.reply_to.as_deref().unwrap(), &reply)
            .await
            .unwrap();
        message.subject
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_stored_and_answered() {
    let (_nats, log) = start().await;
    let conductor = answer_first(&log, Stream::Reports, Reply::Granted);
    let reply = log.report(&pool(), &claim(), None, PATIENCE).await.unwrap();
    assert_eq!(reply, Reply::Granted);
    assert_eq!(conductor.await.unwrap(), "maestro.reports.default");
    let stored = log.read(Stream::Reports, 1).next().await.unwrap();
    let stored: ReportMessage = serde_json::from_slice(&stored.payload).unwrap();
    assert_eq!(stored, claim());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_in_its_outcome() {
    let (_nats, log) = start().await;
    let outcome = Outcome {
        revision: 5,
        rejection: Some(Rejection::RunUnknown),
    };
    let conductor = answer_first(&log, Stream::Commands, Reply::Outcome(outcome.clone()));
    assert_eq!(
        log.submit(&command(), None, PATIENCE).await.unwrap(),
        outcome
    );
    assert_eq!(conductor.await.unwrap(), "maestro.commands.run.cancel");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_conductor_the_request_is_stored_and_times_out() {
    let (_nats, log) = start().await;
    let refused = log
        .report(&pool(), &claim(), None, Duration::from_millis(50))
        .await;
    assert!(
        matches!(refused, Err(RequestError::TimedOut)),
        "{refused:?}"
    );
    assert_eq!(log.stream_state(Stream::Reports).await.unwrap().messages, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_the_request_fails_at_once() {
    let (mut nats, log) = start().await;
    nats.kill9().await;
    let refused = soon(log.submit(&command(), None, PATIENCE)).await;
    assert!(
        matches!(refused, Err(RequestError::Unavailable)),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_to_inboxes_only() {
    let (_nats, log) = start().await;
    let refused = log.answer("maestro.log.a.b.c", &Reply::Granted).await;
    assert!(matches!(refused, Err(Error::Settings(_))), "{refused:?}");
}
