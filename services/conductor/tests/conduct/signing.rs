//! The log is signed while it is led, and led only as it was signed.

use maestro_conductor::{Config, Error};
use maestro_eventlog::{Checkpoint, Stream};
use maestro_testkit::wait_until;

use crate::bench::{Bench, WAIT, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_what_was_signed_is_not_led() {
    let mut bench = Bench::start().await;
    let config = Config {
        checkpoint_every_s: 1,
        ..quick()
    };
    let (running, stop) = bench.conductor(config.clone());
    bench.seed().await;
    let log = &bench.log;
    wait_until(WAIT * 6, || async {
        let Some(newest) = log.last_checkpoint().await.unwrap() else {
            return false;
        };
        let keys = bench.vault.checkpoint_public_keys().await.unwrap();
        let signed = Checkpoint::open(&newest.note, &keys).unwrap();
        signed.n == log.stream_state(Stream::Events).await.unwrap().last_seq
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();

    let (running, stop) = bench.conductor(config.clone());
    bench.seed().await;
    stop.cancel();
    running.await.unwrap().unwrap();

    // The broker comes back without its log.
    bench.nats.stop().await;
    let mut folders = vec![bench.nats.dir().to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.ends_with("EVENTS") {
            std::fs::remove_dir_all(&folder).unwrap();
            continue;
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            folders.extend(path.is_dir().then_some(path));
        }
    }
    bench.nats.start_again().await;
    let log = &bench.log;
    wait_until(WAIT * 6, || async { log.ensure().await.is_ok() }).await;
    assert_eq!(log.stream_state(Stream::Events).await.unwrap().last_seq, 0);
    let (running, _stop) = bench.conductor(config);
    let ended = tokio::time::timeout(WAIT * 6, running).await;
    let error = ended.unwrap().unwrap().unwrap_err();
    let refused = error.downcast_ref::<Error>();
    assert!(
        matches!(refused, Some(Error::NotAsSigned { .. })),
        "{error:#}"
    );
    assert_eq!(log.stream_state(Stream::Events).await.unwrap().last_seq, 0);
}
