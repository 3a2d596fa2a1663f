use maestro_domain::{Digest, PersonRef, RunId, VaultKey};
use maestro_eventlog::{Vault, VaultError, VaultKeys};
use maestro_testkit::{Nats, wait_until};
use uuid::Uuid;

use crate::setup::{SOON, raw, soon, start};

fn person(id: u64) -> PersonRef {
    PersonRef {
        provider: "github".parse().unwrap(),
        id,
    }
}

fn secrets() -> VaultKey {
    VaultKey::webhook_secrets(&"github".parse().unwrap())
}

async fn stored(nats: &Nats, key: &VaultKey) -> bytes::Bytes {
    let stream = raw(nats)
        .await
        .get_stream("KV_maestro_vault")
        .await
        .unwrap();
    let subject = format!("$KV.maestro_vault.{key}");
    stream
        .get_last_raw_message_by_subject(&subject)
        .await
        .unwrap()
        .payload
}

async fn get(vault: &Vault, key: &VaultKey) -> Option<String> {
    let value = vault.get(key).await.unwrap()?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_kept_encrypted_and_replaced() {
    let (nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    let key = VaultKey::person_login(&person(5));
    assert_eq!(get(&vault, &key).await, None);
    vault.put(&key, b"octocat").await.unwrap();
    assert_eq!(get(&vault, &key).await.unwrap(), "octocat");
    let bytes = stored(&nats, &key).await;
    assert!(!bytes.windows(7).any(|window| window == b"octocat"));
    vault.put(&key, b"hubot").await.unwrap();
    assert_eq!(get(&vault, &key).await.unwrap(), "hubot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tampered_or_moved_value_does_not_open() {
    let (nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    let (key, other) = (
        VaultKey::person_login(&person(5)),
        VaultKey::person_login(&person(6)),
    );
    vault.put(&key, b"octocat").await.unwrap();

    let foreign = log.vault(VaultKeys::random()).get(&key).await;
    assert!(
        matches!(foreign, Err(VaultError::UnknownKey { .. })),
        "{foreign:?}"
    );

    let sealed = stored(&nats, &key).await;
    let raw = raw(&nats).await;
    let place = |key: &VaultKey, bytes: Vec<u8>| {
        let (raw, subject) = (raw.clone(), format!("$KV.maestro_vault.{key}"));
        async move {
            raw.publish(subject, bytes.into())
                .await
                .unwrap()
                .await
                .unwrap()
        }
    };
    place(&other, sealed.to_vec()).await;
    let moved = vault.get(&other).await;
    assert!(
        matches!(moved, Err(VaultError::NotAuthentic { .. })),
        "{moved:?}"
    );

    let mut tampered = sealed.to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    place(&key, tampered).await;
    let tampered = vault.get(&key).await.unwrap_err();
    assert!(
        matches!(tampered, VaultError::NotAuthentic { .. }),
        "{tampered:?}"
    );
    assert!(!format!("{tampered:?} {tampered}").contains("octocat"));
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_deletes_all_that_came_from_them() {
    let (_nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    for id in [5, 55] {
        vault
            .put(&VaultKey::person_login(&person(id)), b"login")
            .await
            .unwrap();
        for n in 0..40 {
            let run = RunId::new(Uuid::from_u128(n));
            vault
                .put(&VaultKey::run_spec(run, Some(&person(id))), b"spec")
                .await
                .unwrap();
        }
    }
    let prefix = VaultKey::person_prefix(&person(5));
    assert_eq!(vault.list_prefix(&prefix).await.unwrap().len(), 41);
    assert_eq!(vault.delete_prefix(&prefix).await.unwrap(), 41);
    assert_eq!(vault.list_prefix(&prefix).await.unwrap(), []);
    assert_eq!(vault.delete_prefix(&prefix).await.unwrap(), 0);
    assert_eq!(get(&vault, &VaultKey::person_login(&person(5))).await, None);
    assert_eq!(
        vault.list_prefix("person.github.55.").await.unwrap().len(),
        41
    );
    assert_eq!(
        vault.list_prefix("person.github.5").await.unwrap().len(),
        41
    );
    assert_eq!(vault.list_prefix("nothing").await.unwrap(), []);
    assert_eq!(vault.list_prefix("").await.unwrap().len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_value_is_gone_from_the_broker() {
    let (nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    let key = VaultKey::stack(&Digest::of(b"stack"));
    vault.put(&key, b"text").await.unwrap();
    vault.delete(&key).await.unwrap();
    vault.delete(&key).await.unwrap();
    assert_eq!(get(&vault, &key).await, None);
    assert_eq!(stored(&nats, &key).await.len(), 0);
    vault.put(&key, b"again").await.unwrap();
    assert_eq!(get(&vault, &key).await.unwrap(), "again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_begins_with_the_current_value_and_survives_the_broker() {
    let (mut nats, log) = start().await;
    let vault = log.vault(VaultKeys::random());
    let mut watch = vault.watch(&secrets());
    assert!(soon(watch.next()).await.unwrap().is_none());
    vault.put(&secrets(), b"one").await.unwrap();
    assert_eq!(
        soon(watch.next()).await.unwrap().unwrap().as_slice(),
        b"one"
    );
    let mut late = vault.watch(&secrets());
    assert_eq!(soon(late.next()).await.unwrap().unwrap().as_slice(), b"one");
    nats.kill9().await;
    nats.start_again().await;
    wait_until(SOON, || async {
        vault.put(&secrets(), b"two").await.is_ok()
    })
    .await;
    assert_eq!(
        soon(watch.next()).await.unwrap().unwrap().as_slice(),
        b"two"
    );
    vault.delete(&secrets()).await.unwrap();
    assert!(soon(watch.next()).await.unwrap().is_none());
}
