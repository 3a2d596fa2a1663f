use bytes::Bytes;
use maestro_domain::{Digest, VaultKey};
use maestro_eventlog::{
    ArchiveReader, ArchiveReport, ArchiveWriter, EventLog, RestoreError, Stored, Stream, Vault,
    VaultKeys,
};

use crate::setup::{delivery, soon, start};

const SUBJECT: &str = "shop.run.started";

/// Commits 1 to 40 that have dealt with every delivery stored so far.
async fn history(log: &EventLog) {
    let deliveries = log.stream_state(Stream::Deliveries).await.unwrap();
    let mut appender = log.appender(0);
    let mut prev = Digest::ZERO;
    for n in 1..=40 {
        let (of, seq) = (&deliveries.incarnation, deliveries.last_seq);
        let bytes = Bytes::from(format!(
            r#"{{"v":1,"n":{n},"prev":"{prev}","project":"shop","events":[{{"type":"run.started"}}],"cursors":{{"DELIVERIES":{{"of":"{of}","seq":{seq}}}}}}}"#
        ));
        prev = Digest::of(&bytes);
        appender.append(n, SUBJECT, bytes, None).await.unwrap();
    }
}

async fn export(log: &EventLog, vault: &Vault) -> Vec<u8> {
    log.sign_checkpoint(vault).await.unwrap();
    let mut archive = ArchiveWriter::new(Vec::new()).unwrap();
    for stored in log.checkpoints().await.unwrap() {
        archive.checkpoint(stored.seq, &stored.note).unwrap();
    }
    let mut scan = log.scan(1).await.unwrap();
    while let Some(batch) = scan.next_batch(100).await.unwrap() {
        for message in batch {
            let subject = log.commit_subject(&message);
            archive
                .commit(message.seq, subject, &message.payload)
                .unwrap();
        }
    }
    for (key, sealed) in log.sealed_values().await.unwrap() {
        archive.vault(&key, &sealed).unwrap();
    }
    archive.finish().unwrap()
}

fn verified(file: &[u8]) -> ArchiveReport {
    ArchiveReader::open(file).unwrap().verify(&[], |_| {})
}

async fn restore(log: &EventLog, file: &[u8], report: &ArchiveReport) -> Result<(), RestoreError> {
    let mut archive = ArchiveReader::open(file).unwrap();
    soon(log.restore(&mut archive, report, |_| {})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_is_the_same_and_goes_on_behind_its_cursors() {
    let (_nats, log) = start().await;
    let keys = VaultKeys::random();
    let vault = log.vault(keys.clone());
    for id in ["one", "two", "three"] {
        log.store_delivery(&delivery(id)).await.unwrap();
    }
    history(&log).await;
    let (kept, passing) = (
        VaultKey::stack(&Digest::of(b"text")),
        VaultKey::session(&Digest::of(b"token")),
    );
    vault.put(&kept, b"text").await.unwrap();
    vault.put(&passing, b"session").await.unwrap();
    let file = export(&log, &vault).await;
    let report = verified(&file);
    assert!(report.is_whole(), "{report:?}");
    let public = vault.checkpoint_public_keys().await.unwrap();
    let proven = ArchiveReader::open(&file[..])
        .unwrap()
        .verify(&public, |_| {});
    assert_eq!((proven.is_whole(), proven.signed_to), (true, 40));

    let (_other, restored) = start().await;
    restore(&restored, &file, &report).await.unwrap();
    let again = restored.vault(keys);
    assert_eq!(export(&restored, &again).await, file);
    assert_eq!(again.get(&kept).await.unwrap().unwrap().as_slice(), b"text");
    assert_eq!(again.get(&passing).await.unwrap(), None);
    let before = log.stream_state(Stream::Deliveries).await.unwrap();
    let after = restored.stream_state(Stream::Deliveries).await.unwrap();
    assert_eq!(after.incarnation, before.incarnation);
    assert_eq!((after.messages, after.last_seq), (0, 3));
    let stored = restored.store_delivery(&delivery("four")).await.unwrap();
    assert_eq!(stored, Stored::New { seq: 4 });
    restored.ensure().await.unwrap();

    // What holds something is not written to.
    let refused = restore(&restored, &file, &report).await;
    assert!(
        matches!(refused, Err(RestoreError::NotEmpty(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_from_a_damaged_file_or_beside_a_conductor() {
    let (_nats, log) = start().await;
    history(&log).await;
    let vault = log.vault(VaultKeys::random());
    let file = export(&log, &vault).await;
    let (_other, empty) = start().await;
    let cut = verified(&file[..file.len() / 2]);
    let refused = restore(&empty, &file, &cut).await;
    assert!(matches!(refused, Err(RestoreError::Damaged)), "{refused:?}");
    let ttl = std::time::Duration::from_secs(60);
    let lease = empty.lease("conductor", "other", ttl).await.unwrap();
    assert!(lease.is_some());
    let refused = restore(&empty, &file, &verified(&file)).await;
    assert!(matches!(refused, Err(RestoreError::Led)), "{refused:?}");
    assert_eq!(
        empty.stream_state(Stream::Events).await.unwrap().last_seq,
        0
    );
}
