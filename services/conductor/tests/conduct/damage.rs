//! A log that the broker cannot read to its end.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maestro_conductor::Error;
use maestro_testkit::wait_until;

use crate::bench::{Bench, WAIT, quick};

/// The files with the messages of EVENTS.
fn blocks(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let of_events = path.components().any(|part| part.as_os_str() == "EVENTS");
            if path.is_dir() {
                folders.push(path);
            } else if of_events && path.extension().is_some_and(|end| end == "blk") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_commit_that_cannot_be_read_is_named() {
    let mut bench = Bench::start().await;
    let (running, stop) = bench.conductor(quick());
    bench.seed().await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let last = bench
        .log
        .stream_state(maestro_eventlog::Stream::Events)
        .await
        .unwrap()
        .last_seq;

    bench.nats.stop().await;
    let block = blocks(bench.nats.dir()).pop().unwrap();
    let mut bytes = fs::read(&block).unwrap();
    let near_the_end = bytes.len() - 60;
    bytes[near_the_end] ^= 1;
    fs::write(&block, bytes).unwrap();
    bench.nats.start_again().await;
    let log = &bench.log;
    wait_until(WAIT * 6, || async { log.ping().await.is_ok() }).await;

    let (running, _stop) = bench.conductor(quick());
    let ended = tokio::time::timeout(WAIT * 6, running).await;
    let error = ended.unwrap().unwrap().unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(Error::Gap { from, to }) if (*from, *to) == (last, last)),
        "{error:#}"
    );
}
