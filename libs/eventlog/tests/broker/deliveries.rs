use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use maestro_eventlog::{Stored, Stream};
use tokio::time::Instant;

use crate::setup::{delivery, raw, soon, start, until_stored};

#[tokio::test(flavor = "multi_thread")]
async fn of_equal_ids_at_once_exactly_one_is_new() {
    let (_nats, log) = start().await;
    let ids = (0..96).map(|n| format!("id-{}", n % 32));
    let deliveries: Vec<_> = ids.map(|id| delivery(&id)).collect();
    let stored = join_all(deliveries.iter().map(|one| log.store_delivery(one))).await;
    let mut new = BTreeMap::new();
    for (delivery, stored) in deliveries.iter().zip(stored) {
        if let Stored::New { seq } = stored.unwrap() {
            assert_eq!(
                new.insert(delivery.id.clone(), seq),
                None,
                "{:?} twice",
                delivery.id
            );
        }
    }
    assert_eq!(new.len(), 32);
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().messages,
        32
    );
    for (id, seq) in new {
        assert_eq!(log.delivery(seq).await.unwrap().unwrap().id, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_read_back_as_it_was() {
    let (_nats, log) = start().await;
    let mut hostile = delivery("hostile");
    hostile.event = "we.ird > *\r\nX-Evil: 1 ünï".to_owned();
    hostile.repository = Some(("a b\r\n".to_owned(), ">".repeat(500)));
    hostile.form = true;
    hostile.body = Bytes::from((0..=255).collect::<Vec<u8>>());
    let mut bare = delivery("bare");
    bare.repository = None;
    bare.hook_id = None;
    bare.traceparent = None;
    bare.body = Bytes::new();
    for (seq, delivery) in [(1, delivery("plain")), (2, hostile), (3, bare)] {
        assert_eq!(
            log.store_delivery(&delivery).await.unwrap(),
            Stored::New { seq }
        );
        assert_eq!(
            log.store_delivery(&delivery).await.unwrap(),
            Stored::Duplicate
        );
        assert_eq!(log.delivery(seq).await.unwrap().unwrap(), delivery);
    }
    let subjects = log.read(Stream::Deliveries, 1).next_batch(3).await.unwrap();
    assert_eq!(
        subjects[0].subject,
        "maestro.deliveries.github.issues.acme.web~2Eshop.plain"
    );
    assert!(log.delivery(4).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_25_mb_is_kept_byte_for_byte() {
    let (nats, log) = start().await;
    let mut large = delivery("large");
    large.body = Bytes::from(
        (0..25_000_000_u32)
            .map(|n| (n % 251) as u8)
            .collect::<Vec<u8>>(),
    );
    assert_eq!(
        log.store_delivery(&large).await.unwrap(),
        Stored::New { seq: 1 }
    );
    assert_eq!(log.store_delivery(&large).await.unwrap(), Stored::Duplicate);
    assert_eq!(log.delivery(1).await.unwrap().unwrap(), large);

    let bodies = raw(&nats)
        .await
        .get_object_store("maestro_bodies")
        .await
        .unwrap();
    let mut names = bodies.list().await.unwrap();
    let name = futures::StreamExt::next(&mut names)
        .await
        .unwrap()
        .unwrap()
        .name;
    bodies.delete(&name).await.unwrap();
    let message = log.read(Stream::Deliveries, 1).next().await.unwrap();
    let lost = log.decode_delivery(&message).await.unwrap_err();
    assert!(!lost.is_unavailable(), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_storing_fails_in_time_and_works_again_afterwards() {
    let (mut nats, log) = start().await;
    log.store_delivery(&delivery("before")).await.unwrap();
    nats.kill9().await;
    let asked_at = Instant::now();
    let refused = log
        .store_delivery(&delivery("meanwhile"))
        .await
        .unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    assert!(
        asked_at.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked_at.elapsed()
    );
    assert!(!log.connected());
    nats.start_again().await;
    until_stored(&log, &delivery("meanwhile")).await;
    assert_eq!(
        log.store_delivery(&delivery("before")).await.unwrap(),
        Stored::Duplicate
    );
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().messages,
        2
    );
    soon(log.ping()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_is_a_broker_that_is_away() {
    let (nats, log) = start().await;
    let pid = nats.pid().unwrap();
    signal(pid, "STOP");
    let asked_at = Instant::now();
    let refused = log.store_delivery(&delivery("hung")).await;
    let took = asked_at.elapsed();
    signal(pid, "CONT");
    assert!(refused.unwrap_err().is_unavailable());
    assert!(took < Duration::from_secs(5), "{took:?}");
    // The publishes lie in the server's socket: whatever became of them, there is one message.
    until_stored(&log, &delivery("hung")).await;
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().messages,
        1
    );
}

fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(sent.unwrap().success());
}
