use bytes::Bytes;
use maestro_domain::{RunId, Timestamp};
use maestro_eventlog::{EventLog, LogChunk, LogMessage, Offsets, Output, Shipped, Stream};
use maestro_testkit::wait_until;
use uuid::Uuid;

use crate::setup::{SOON, soon, start};

fn run() -> RunId {
    RunId::new(Uuid::from_u128(1))
}

fn chunk(output: Output, bytes: &'static str, next: Offsets) -> LogChunk {
    let at = Timestamp::from_millis(1_795_176_000_123);
    LogChunk {
        run: run(),
        attempt: 1,
        output,
        next,
        at,
        bytes: Bytes::from_static(bytes.as_bytes()),
    }
}

const fn offsets(stdout: u64, stderr: u64) -> Offsets {
    Offsets {
        stdout,
        stderr,
        system: 0,
    }
}

async fn ship(log: &EventLog, chunks: &[LogChunk]) {
    for chunk in chunks {
        log.ship(chunk).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_as_it_was_shipped_and_can_be_resumed() {
    let (_nats, log) = start().await;
    assert_eq!(log.shipped(run(), 1).await.unwrap(), Shipped::default());
    let chunks = [
        chunk(Output::Stdout, "hello ", offsets(6, 0)),
        chunk(Output::Stderr, "oops", offsets(6, 4)),
        chunk(Output::Stdout, "world", offsets(11, 4)),
    ];
    ship(&log, &chunks).await;
    let shipped = log.shipped(run(), 1).await.unwrap();
    assert_eq!(
        shipped,
        Shipped {
            stdout: 11,
            stderr: 4,
            system: 0,
            ended: false
        }
    );
    log.end_logs(run(), 1, offsets(11, 4)).await.unwrap();
    assert!(log.shipped(run(), 1).await.unwrap().ended);
    assert_eq!(log.shipped(run(), 2).await.unwrap(), Shipped::default());

    let mut reader = log.logs(run(), 1);
    for chunk in chunks {
        assert_eq!(soon(reader.next()).await.unwrap(), LogMessage::Chunk(chunk));
    }
    assert_eq!(soon(reader.next()).await.unwrap(), LogMessage::End);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_comes_once_however_it_was_shipped() {
    let (_nats, log) = start().await;
    let first = chunk(Output::Stdout, "abcd", offsets(4, 0));
    ship(&log, &[first.clone(), first]).await;
    assert_eq!(log.stream_state(Stream::Logs).await.unwrap().messages, 1);
    // The shipper lost its place and cut the output differently.
    ship(
        &log,
        &[
            chunk(Output::Stdout, "ab", offsets(2, 0)),
            chunk(Output::Stdout, "cdef", offsets(6, 0)),
            chunk(Output::Stdout, "ghi", offsets(9, 0)),
        ],
    )
    .await;
    let mut reader = log.logs(run(), 1);
    let mut text = Vec::new();
    while let Some(message) = soon(reader.try_next()).await.unwrap() {
        let LogMessage::Chunk(chunk) = message else {
            panic!("{message:?}")
        };
        assert_eq!(chunk.offset(), text.len() as u64);
        text.extend_from_slice(&chunk.bytes);
    }
    assert_eq!(text, b"abcdefghi");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_without_following_stops_at_the_end() {
    let (_nats, log) = start().await;
    let mut empty = log.logs(run(), 1);
    assert_eq!(soon(empty.try_next()).await.unwrap(), None);
    let first = chunk(Output::Stdout, "a", offsets(1, 0));
    log.ship(&first).await.unwrap();
    assert_eq!(soon(empty.next()).await.unwrap(), LogMessage::Chunk(first));
    assert_eq!(soon(empty.try_next()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing_over_a_crash_of_the_broker() {
    let (mut nats, log) = start().await;
    let mut reader = log.logs(run(), 1);
    let before = chunk(Output::Stdout, "a", offsets(1, 0));
    let after = chunk(Output::Stdout, "b", offsets(2, 0));
    log.ship(&before).await.unwrap();
    assert_eq!(
        soon(reader.next()).await.unwrap(),
        LogMessage::Chunk(before)
    );
    nats.stop().await;
    nats.start_again().await;
    wait_until(SOON, || async { log.ship(&after).await.is_ok() }).await;
    assert_eq!(soon(reader.next()).await.unwrap(), LogMessage::Chunk(after));
}
