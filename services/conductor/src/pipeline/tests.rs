use std::time::Duration;

use maestro_domain::report::Orders;
use maestro_eventlog::{RequestError, Settings, VaultKeys};
use maestro_testkit::Nats;
use uuid::Uuid;

use super::*;

const TERM: Duration = Duration::from_secs(1);

/// Answers one heartbeat as a leader with this right would.
async fn answer_one(log: &EventLog, holding: Holding) -> Result<Orders, RequestError> {
    let mut heartbeats = log.heartbeats().await.unwrap();
    let (work, decided) = mpsc::channel(1);
    let (dispatch, _outbox) = mpsc::unbounded_channel();
    let ways = Ways {
        log: log.clone(),
        vault: log.vault(VaultKeys::random()),
        holding,
        dispatch,
    };
    let running = run(ways, log.appender(0), 1, decided);
    let answering = async {
        let heartbeat = heartbeats.next().await.unwrap();
        let orders = Orders {
            known: true,
            ..Orders::default()
        };
        let answer = Work {
            reply_to: Some(heartbeat.reply_to),
            orders: Some(orders),
            ..Work::default()
        };
        work.send(answer).await.unwrap();
        drop(work);
    };
    let executor = ExecutorId::new(Uuid::from_u128(9));
    let (ran, (), answer) = tokio::join!(running, answering, log.heartbeat(executor));
    ran.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_the_lead_answers_nobody() {
    let nats = Nats::start().await;
    let log = EventLog::connect(&Settings::single(nats.url()))
        .await
        .unwrap();
    log.ensure().await.unwrap();
    let lease = log.lease("conductor", "one", TERM).await.unwrap().unwrap();
    let holding = lease.holding();
    assert!(answer_one(&log, holding.clone()).await.unwrap().known);
    // As if this process had stood still meanwhile.
    let gone = async || !holding.is_held();
    maestro_testkit::wait_until(Duration::from_secs(30), gone).await;
    let unanswered = answer_one(&log, holding).await.unwrap_err();
    assert!(matches!(unanswered, RequestError::TimedOut), "{unanswered}");
}
