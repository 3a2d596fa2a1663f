//! A damaged EVENTS is read to its end, and nothing is stepped over silently.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use maestro_domain::Digest;
use maestro_eventlog::{Chain, Copy, EventLog, Finding, Link, Stream};
use maestro_testkit::Nats;

use crate::setup::{connect, raw, soon, start};

const SUBJECT: &str = "shop.run.started";
const LAST: u64 = 3_000;

/// Commits with a true chain; each of about 1 KiB and with a mark to find it by.
async fn write(log: &EventLog, last: u64) {
    let mut appender = log.appender(0);
    let mut prev = Digest::ZERO;
    let mut under_way = Vec::new();
    for n in 1..=last {
        let padding = "x".repeat(900);
        let bytes = Bytes::from(format!(
            r#"{{"v":1,"n":{n},"prev":"{prev}","mark":"commit-{n:06}","padding":"{padding}","project":"shop","events":[{{"type":"run.started"}}]}}"#
        ));
        prev = Digest::of(&bytes);
        under_way.push(appender.append(n, SUBJECT, bytes, None));
    }
    for done in futures::future::join_all(under_way).await {
        done.unwrap();
    }
}

/// Every finding in EVENTS, which should reach to `end`.
async fn verify(log: &EventLog, end: u64) -> Vec<Finding> {
    soon(async {
        let mut scan = log.scan(1).await.unwrap();
        let mut chain = Chain::new(Copy::Log);
        let mut next = 1;
        while let Some(batch) = scan.next_batch(500).await.unwrap() {
            for message in batch {
                (next..message.seq).for_each(|seq| chain.step(seq, None, None));
                let subject = log.commit_subject(&message);
                let link = Link::of(message.seq, subject, &message.payload, None);
                chain.step(message.seq, Some(&link), None);
                next = message.seq + 1;
            }
        }
        (next..=end).for_each(|seq| chain.step(seq, None, None));
        chain.finish().1
    })
    .await
}

fn missing(from: u64, to: u64) -> Finding {
    let copy = Copy::Log;
    Finding::Missing { copy, from, to }
}

/// Changes one bit of a commit in the block files of a stopped server.
fn flip(folder: &Path, n: u64) {
    let mark = format!("commit-{n:06}").into_bytes();
    for block in files(folder, "blk") {
        let mut bytes = std::fs::read(&block).unwrap();
        if let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) {
            bytes[at + mark.len() + 20] ^= 1;
            std::fs::write(&block, bytes).unwrap();
            return;
        }
    }
    panic!("commit {n} is in no block");
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.components().any(|part| part.as_os_str() == "EVENTS"));
    found
}

async fn damaged(damage: impl FnOnce(&Path)) -> (Nats, EventLog) {
    let (mut nats, log) = start().await;
    write(&log, LAST).await;
    nats.stop().await;
    damage(nats.dir());
    nats.start_again().await;
    let log = connect(&nats).await;
    (nats, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undamaged_log_is_read_to_its_end() {
    let (_nats, log) = start().await;
    assert_eq!(verify(&log, 0).await, []);
    write(&log, LAST).await;
    assert_eq!(verify(&log, LAST).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_a_stopped_broker_is_named() {
    let (_nats, log) = damaged(|folder| flip(folder, 1_234)).await;
    assert_eq!(verify(&log, LAST).await, [missing(1_234, 1_234)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_last_commit_is_named() {
    let (_nats, log) = damaged(|folder| flip(folder, LAST)).await;
    assert_eq!(verify(&log, LAST).await, [missing(LAST, LAST)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_and_a_deleted_index_lose_nothing_silently() {
    let (_nats, log) = damaged(|folder| {
        flip(folder, 1_234);
        let indexes = files(folder, "db");
        assert!(!indexes.is_empty());
        indexes
            .iter()
            .for_each(|index| std::fs::remove_file(index).unwrap());
    })
    .await;
    let findings = verify(&log, LAST).await;
    let [
        Finding::Missing {
            from: 1_234, to, ..
        },
    ] = findings[..]
    else {
        panic!("{findings:?}");
    };
    assert!((1_234..=LAST).contains(&to), "{to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_some_messages_is_named_to_its_end() {
    let (nats, log) = start().await;
    let jetstream = raw(&nats).await;
    jetstream.delete_stream("EVENTS").await.unwrap();
    let config = async_nats::jetstream::stream::Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["maestro.log.>".to_owned()],
        ..Default::default()
    };
    let stream = jetstream.create_stream(config).await.unwrap();
    write(&log, 50).await;
    for seq in [1, 7, 8, 9, 30, 49, 50] {
        stream.delete_message(seq).await.unwrap();
    }
    let found = verify(&log, 50).await;
    let expected = [
        missing(1, 1),
        missing(7, 9),
        missing(30, 30),
        missing(49, 50),
    ];
    assert_eq!(found, expected);
    assert_eq!(log.stream_state(Stream::Events).await.unwrap().last_seq, 50);
}
