//! Which secrets are active follows the vault.

use std::time::Duration;

use maestro_ingress::Config;
use maestro_testkit::wait_until;
use reqwest::StatusCode;

use crate::harness::{Harness, SECRET, secrets_key};

const SOON: Duration = Duration::from_secs(5);

async fn status(harness: &Harness, secret: &str) -> StatusCode {
    let request = harness.signed_with(secret, "d-1", b"{}");
    harness.send(request).await.status
}

fn patient() -> Config {
    Config {
        failed_verifications_per_minute: 10_000,
        ..Config::default()
    }
}

#[tokio::test]
async fn secrets_rotate_without_a_restart() {
    let harness = Harness::with(patient()).await;
    assert_eq!(status(&harness, "next").await, StatusCode::UNAUTHORIZED);

    harness.set_secrets(&[SECRET, "next"]).await;
    wait_until(SOON, async || status(&harness, "next").await.is_success()).await;
    assert!(status(&harness, SECRET).await.is_success());

    harness.set_secrets(&["next"]).await;
    let retired = async || status(&harness, SECRET).await == StatusCode::UNAUTHORIZED;
    wait_until(SOON, retired).await;
    assert!(status(&harness, "next").await.is_success());

    harness.vault.delete(&secrets_key()).await.unwrap();
    let gone = async || status(&harness, "next").await == StatusCode::UNAUTHORIZED;
    wait_until(SOON, gone).await;
}

#[tokio::test]
async fn without_a_secret_everything_is_unauthorized() {
    let harness = Harness::without_secrets(patient()).await;
    assert_eq!(status(&harness, SECRET).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&harness, "").await, StatusCode::UNAUTHORIZED);
    harness.set_secrets(&[""]).await;
    harness.set_secrets(&["", SECRET]).await;
    wait_until(SOON, async || status(&harness, SECRET).await.is_success()).await;
    assert_eq!(status(&harness, "").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_unreadable_entry_is_our_fault_and_mended_by_the_next() {
    let harness = Harness::with(patient()).await;
    harness
        .vault
        .put(&secrets_key(), b"not an array")
        .await
        .unwrap();
    let unreadable = async || status(&harness, SECRET).await == StatusCode::SERVICE_UNAVAILABLE;
    wait_until(SOON * 2, unreadable).await;
    harness.set_secrets(&[SECRET]).await;
    wait_until(SOON, async || status(&harness, SECRET).await.is_success()).await;
}
