use std::time::Duration;

use maestro_domain::{
    ExecutorId, RunId,
    report::{Assignment, Execution, Order, Orders},
};
use maestro_eventlog::{Error, RequestError};
use maestro_testkit::wait_until;
use uuid::Uuid;

use crate::setup::{SOON, connect, soon, start};

fn executor(n: u128) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(n))
}

fn order(n: u128) -> Order {
    Order::Cancel(Assignment {
        pool: "default".parse().unwrap(),
        execution: Execution {
            run: RunId::new(Uuid::from_u128(n)),
            attempt: 1,
            token: 7,
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_is_answered_and_nothing_of_it_is_stored() {
    let (nats, log) = start().await;
    let conductor = connect(&nats).await;
    let alone = log.heartbeat(executor(1)).await.unwrap_err();
    assert!(matches!(alone, RequestError::Unavailable), "{alone}");
    let mut heartbeats = conductor.heartbeats().await.unwrap();
    let answer = Orders {
        known: true,
        term_ms: 30_000,
        orders: vec![order(1)],
    };
    let answering = async {
        loop {
            let heartbeat = heartbeats.next().await.unwrap();
            assert_eq!(heartbeat.executor, executor(1));
            let answered = conductor.answer_heartbeat(&heartbeat.reply_to, &answer);
            answered.await.unwrap();
        }
    };
    let asking = async {
        // The subscription may take a moment to arrive.
        loop {
            if let Ok(orders) = log.heartbeat(executor(1)).await {
                return orders;
            }
            tokio::task::yield_now().await;
        }
    };
    let heard = soon(async {
        tokio::select! {
            () = answering => unreachable!(),
            heard = asking => heard,
        }
    });
    assert_eq!(heard.await, answer);
    for stream in maestro_eventlog::Stream::ALL {
        assert_eq!(log.stream_state(stream).await.unwrap().last_seq, 0);
    }
    let elsewhere = conductor.answer_heartbeat("maestro.log.x", &answer).await;
    assert!(matches!(elsewhere, Err(Error::Settings(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conductor_that_does_not_answer_holds_up_nobody_for_long() {
    let (nats, log) = start().await;
    let conductor = connect(&nats).await;
    let _mute = conductor.heartbeats().await.unwrap();
    wait_until(SOON, || async {
        matches!(
            log.heartbeat(executor(1)).await,
            Err(RequestError::TimedOut)
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_reach_their_executor_alone_also_after_a_crash_of_the_broker() {
    let (mut nats, log) = start().await;
    let mut mine = log.orders(executor(1)).await.unwrap();
    let mut other = log.orders(executor(2)).await.unwrap();
    log.order(executor(1), &order(1)).await.unwrap();
    log.order(executor(2), &order(2)).await.unwrap();
    assert_eq!(soon(mine.next()).await, Some(order(1)));
    assert_eq!(soon(other.next()).await, Some(order(2)));
    nats.kill9().await;
    nats.start_again().await;
    // What is told while nobody hears it is lost; it is told again.
    let again = async {
        loop {
            let _ = log.order(executor(1), &order(3)).await;
            let heard = tokio::time::timeout(Duration::from_millis(50), mine.next()).await;
            if let Ok(heard) = heard {
                return heard;
            }
        }
    };
    assert_eq!(soon(again).await, Some(order(3)));
}
