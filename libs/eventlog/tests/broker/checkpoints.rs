use std::collections::BTreeMap;

use bytes::Bytes;
use maestro_domain::Digest;
use maestro_eventlog::{
    Checkpoint, CheckpointError, EventLog, Finding, NoteError, NoteKey, Stream, Vault, VaultKeys,
};

use crate::setup::{raw, soon, start};

const SUBJECT: &str = "shop.run.started";

fn commit(n: u64, prev: Digest) -> Bytes {
    let text = format!(
        r#"{{"v":1,"n":{n},"prev":"{prev}","project":"shop","events":[{{"type":"run.started"}}]}}"#
    );
    text.into()
}

/// Appends commits up to `to`; the hash of the last.
async fn write(log: &EventLog, mut prev: Digest, from: u64, to: u64) -> Digest {
    let mut appender = log.appender(from - 1);
    for n in from..=to {
        let bytes = commit(n, prev);
        prev = Digest::of(&bytes);
        appender.append(n, SUBJECT, bytes, None).await.unwrap();
    }
    prev
}

async fn opened(log: &EventLog, keys: &[NoteKey]) -> BTreeMap<u64, Digest> {
    let stored = log.checkpoints().await.unwrap();
    let open = |note: &str| Checkpoint::open(note, keys).unwrap();
    stored
        .iter()
        .map(|stored| open(&stored.note))
        .map(|checkpoint| (checkpoint.n, checkpoint.hash))
        .collect()
}

async fn signed(log: &EventLog, vault: &Vault) -> Option<(u64, Digest)> {
    let signed = soon(log.sign_checkpoint(vault)).await.unwrap();
    signed.map(|checkpoint| (checkpoint.n, checkpoint.hash))
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_follow_the_log_and_are_read_with_the_public_key() {
    let (_nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    assert_eq!(vault.checkpoint_public_keys().await.unwrap(), []);
    assert_eq!(signed(&log, &vault).await, None);
    let third = write(&log, Digest::ZERO, 1, 3).await;
    assert_eq!(signed(&log, &vault).await, Some((3, third)));
    assert_eq!(signed(&log, &vault).await, None);
    let fifth = write(&log, third, 4, 5).await;
    assert_eq!(signed(&log, &vault).await, Some((5, fifth)));

    let keys = vault.checkpoint_public_keys().await.unwrap();
    let text = keys[0].to_string();
    assert_eq!(text.parse::<NoteKey>().unwrap(), keys[0]);
    let expected = BTreeMap::from([(3, third), (5, fifth)]);
    assert_eq!(opened(&log, &keys).await, expected);
    let newest = log.last_checkpoint().await.unwrap().unwrap();
    assert_eq!(log.checkpoints().await.unwrap()[1], newest);
    assert_eq!(newest.note.lines().nth(1), Some("5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_introduced_by_the_old_one() {
    let (_nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    let third = write(&log, Digest::ZERO, 1, 3).await;
    signed(&log, &vault).await;
    let old = vault.checkpoint_public_keys().await.unwrap();
    soon(log.rotate_checkpoint_key(&vault)).await.unwrap();
    let keys = vault.checkpoint_public_keys().await.unwrap();
    assert_eq!((keys.len(), &keys[1]), (2, &old[0]));
    assert_eq!(keys[0].name(), old[0].name());
    // Who knows one of the two reads the handover.
    let handover = log.last_checkpoint().await.unwrap().unwrap().note;
    for key in &keys {
        let known = std::slice::from_ref(key);
        assert_eq!(Checkpoint::open(&handover, known).unwrap().n, 3);
    }
    write(&log, third, 4, 4).await;
    signed(&log, &vault).await;
    let newest = log.last_checkpoint().await.unwrap().unwrap().note;
    assert!(Checkpoint::open(&newest, &keys).is_ok());
    assert_eq!(Checkpoint::open(&newest, &old), Err(NoteError::UnknownKey));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_sign_at_once_one_does() {
    let (_nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    write(&log, Digest::ZERO, 1, 3).await;
    let both = tokio::join!(signed(&log, &vault), signed(&log, &vault));
    assert_eq!(both.0.iter().chain(&both.1).count(), 1, "{both:?}");
    assert_eq!(log.checkpoints().await.unwrap().len(), 1);
    assert_eq!(vault.checkpoint_public_keys().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_never_signed_over() {
    let (nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    write(&log, Digest::ZERO, 1, 5).await;
    signed(&log, &vault).await;
    // Somebody writes another history, with a true chain of its own.
    raw(&nats).await.delete_stream("EVENTS").await.unwrap();
    log.ensure().await.unwrap();
    write(&log, Digest::of(b"another"), 1, 5).await;
    let refused = soon(log.sign_checkpoint(&vault)).await;
    assert!(
        matches!(
            refused,
            Err(CheckpointError::Damaged(Finding::Checkpoint { seq: 5, .. }))
        ),
        "{refused:?}"
    );
    // Somebody cuts off its end.
    raw(&nats).await.delete_stream("EVENTS").await.unwrap();
    log.ensure().await.unwrap();
    write(&log, Digest::ZERO, 1, 3).await;
    let refused = soon(log.sign_checkpoint(&vault)).await;
    assert!(
        matches!(
            refused,
            Err(CheckpointError::Damaged(Finding::Missing { to: 5, .. }))
        ),
        "{refused:?}"
    );
    let end = log.stream_state(Stream::Checkpoints).await.unwrap();
    assert_eq!(end.last_seq, 1);
}
