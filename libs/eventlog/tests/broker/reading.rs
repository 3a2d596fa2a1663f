use std::time::Duration;

use bytes::Bytes;
use maestro_domain::Timestamp;
use maestro_eventlog::{EventLog, Message, ReadError, Reader, Start, Stream};
use maestro_testkit::wait_until;
use tokio::time::Instant;

use crate::setup::{SOON, delivery, raw, soon, start, until_stored};

async fn store(log: &EventLog, ids: std::ops::Range<u32>) {
    for n in ids {
        log.store_delivery(&delivery(&format!("id-{n}")))
            .await
            .unwrap();
    }
}

async fn messages(reader: &mut Reader, count: usize) -> Vec<Message> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(soon(reader.next_batch(count - found.len())).await.unwrap());
    }
    found
}

async fn sequences(reader: &mut Reader, count: usize) -> Vec<u64> {
    let found = messages(reader, count).await;
    found.iter().map(|message| message.seq).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_over_crashes_of_the_broker_while_a_writer_writes() {
    let (mut nats, log) = start().await;
    let writer = tokio::spawn({
        let log = log.clone();
        async move {
            for n in 0..600 {
                until_stored(&log, &delivery(&format!("id-{n}"))).await;
            }
        }
    });
    let reading = tokio::spawn({
        let mut reader = log.read(Stream::Deliveries, 1);
        async move { sequences(&mut reader, 600).await }
    });
    for stored in [100, 300] {
        wait_until(SOON, || async {
            log.stream_state(Stream::Deliveries)
                .await
                .is_ok_and(|state| state.last_seq >= stored)
        })
        .await;
        nats.kill9().await;
        nats.start_again().await;
    }
    soon(writer).await.unwrap();
    assert_eq!(
        soon(reading).await.unwrap(),
        (1..=600).collect::<Vec<u64>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_wait_loses_nothing() {
    let (_nats, log) = start().await;
    let writer = tokio::spawn({
        let log = log.clone();
        async move { store(&log, 0..300).await }
    });
    let mut reader = log.read(Stream::Deliveries, 1);
    let mut found = Vec::new();
    let deadline = Instant::now() + SOON;
    while found.len() < 300 {
        assert!(Instant::now() < deadline, "{} messages", found.len());
        let patience = Duration::from_micros(found.len() as u64 % 7 * 50);
        if let Ok(message) = tokio::time::timeout(patience, reader.next()).await {
            found.push(message.unwrap().seq);
        }
    }
    writer.await.unwrap();
    assert_eq!(found, (1..=300).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_reported_once_and_reading_goes_on_behind_it() {
    let (nats, log) = start().await;
    store(&log, 0..10).await;
    let stream = raw(&nats).await.get_stream("DELIVERIES").await.unwrap();
    for seq in [4, 5, 9] {
        stream.delete_message(seq).await.unwrap();
    }
    let gap = |expected, found| {
        Err(ReadError::Gap {
            stream: Stream::Deliveries,
            expected,
            found,
        })
    };
    let mut reader = log.read(Stream::Deliveries, 2);
    let mut story = Vec::new();
    while story.len() < 8 {
        story.push(soon(reader.next()).await.map(|message| message.seq));
    }
    let expected = [
        Ok(2),
        Ok(3),
        gap(4, 6),
        Ok(6),
        Ok(7),
        Ok(8),
        gap(9, 10),
        Ok(10),
    ];
    assert_eq!(story, expected);

    let mut reader = log.read(Stream::Deliveries, 2);
    let batch = soon(reader.next_batch(100)).await.unwrap();
    assert!(batch.iter().all(|message| message.seq < 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_went_before_the_reader_came_are_a_gap() {
    let (nats, log) = start().await;
    store(&log, 0..5).await;
    let stream = raw(&nats).await.get_stream("DELIVERIES").await.unwrap();
    stream.purge().sequence(4).await.unwrap();
    let mut reader = log.read(Stream::Deliveries, 0);
    let gap = ReadError::Gap {
        stream: Stream::Deliveries,
        expected: 1,
        found: 4,
    };
    assert_eq!(soon(reader.next()).await.unwrap_err(), gap);
    assert_eq!(sequences(&mut reader, 2).await, [4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_created_anew_stops_the_reader() {
    let (nats, log) = start().await;
    store(&log, 0..3).await;
    let mut reader = log.read(Stream::Deliveries, 1);
    assert_eq!(sequences(&mut reader, 3).await, [1, 2, 3]);
    let before = log.stream_state(Stream::Deliveries).await.unwrap();
    raw(&nats).await.delete_stream("DELIVERIES").await.unwrap();
    let stream = Stream::Deliveries;
    assert_eq!(
        soon(reader.next()).await.unwrap_err(),
        ReadError::Gone { stream }
    );
    log.ensure().await.unwrap();
    store(&log, 0..5).await;
    assert_eq!(
        soon(reader.next()).await.unwrap_err(),
        ReadError::Recreated { stream }
    );
    let after = log.stream_state(Stream::Deliveries).await.unwrap();
    assert_ne!(before.incarnation, after.incarnation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_ahead_of_the_stream_is_refused() {
    let (_nats, log) = start().await;
    store(&log, 0..3).await;
    let ahead = soon(log.read(Stream::Deliveries, 5).next())
        .await
        .unwrap_err();
    let stream = Stream::Deliveries;
    assert_eq!(
        ahead,
        ReadError::Behind {
            stream,
            expected: 5,
            last_seq: 3
        }
    );
    let mut at_end = log.read(Stream::Deliveries, 4);
    let waiting = tokio::spawn(async move { at_end.next().await.unwrap().seq });
    store(&log, 3..4).await;
    assert_eq!(soon(waiting).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_reader_starts_where_it_is_told() {
    let (mut nats, log) = start().await;
    let publish = |area: &'static str, n: u32| {
        let log = log.clone();
        async move {
            let mut delivery = delivery(&format!("{area}-{n}"));
            delivery.event = area.to_owned();
            log.store_delivery(&delivery).await.unwrap();
        }
    };
    for n in 0..3 {
        publish("push", n).await;
        publish("issues", n).await;
    }
    let filter = "maestro.deliveries.github.push.>";
    let from = |start| log.read_filtered(Stream::Deliveries, filter, start);
    assert_eq!(sequences(&mut from(Start::All), 3).await, [1, 3, 5]);
    assert_eq!(sequences(&mut from(Start::Seq(2)), 2).await, [3, 5]);
    let all = messages(&mut log.read(Stream::Deliveries, 1), 6).await;
    let third = all[2].at;
    let since: Vec<u64> = [1, 3, 5]
        .into_iter()
        .filter(|seq| all[*seq as usize - 1].at >= third)
        .collect();
    assert_eq!(
        sequences(&mut from(Start::Time(third)), since.len()).await,
        since
    );
    let late = Timestamp::from_millis(third.millis() + 3_600_000);
    let mut later = from(Start::Time(late));
    soon(later.open()).await.unwrap();
    let mut new = from(Start::New);
    soon(new.open()).await.unwrap();
    nats.kill9().await;
    nats.start_again().await;
    wait_until(SOON, || async { log.ping().await.is_ok() }).await;
    publish("push", 3).await;
    assert_eq!(sequences(&mut new, 1).await, [7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_longer_than_a_pull_request_may_bring_come_through() {
    let (nats, log) = start().await;
    let raw = raw(&nats).await;
    let accepted = raw.client().max_payload();
    let lengths = [
        10,
        accepted.min(6 << 20) - 1_000,
        20,
        accepted.min(6 << 20) - 1_000,
    ];
    for length in lengths {
        let payload = Bytes::from(vec![7; length]);
        raw.publish("maestro.reports.p", payload)
            .await
            .unwrap()
            .await
            .unwrap();
    }
    let mut reader = log.read(Stream::Reports, 1);
    for length in lengths {
        assert_eq!(soon(reader.next()).await.unwrap().payload.len(), length);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_leaves_nothing_on_the_broker() {
    let (nats, log) = start().await;
    store(&log, 0..1).await;
    let mut reader = log.read(Stream::Deliveries, 1);
    soon(reader.next()).await.unwrap();
    let stream = raw(&nats).await.get_stream("DELIVERIES").await.unwrap();
    let consumers = || async { stream.get_info().await.unwrap().state.consumer_count };
    assert_eq!(consumers().await, 1);
    drop(reader);
    wait_until(SOON, || async { consumers().await == 0 }).await;
}
