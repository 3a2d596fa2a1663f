//! The broker goes away and comes back.

use std::time::{Duration, Instant};

use maestro_testkit::wait_until;
use reqwest::StatusCode;

use crate::harness::Harness;

#[tokio::test]
async fn without_the_broker_a_sender_is_asked_to_repeat_and_can() {
    let mut harness = Harness::start().await;
    harness.nats.kill9().await;
    for attempt in 0..2 {
        let asked = Instant::now();
        let answer = harness.send(harness.signed("d-1", b"{}")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{attempt}");
        assert_eq!(answer.code(), "unavailable");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(wait >= 1);
        assert!(
            asked.elapsed() < Duration::from_secs(8),
            "{:?}",
            asked.elapsed()
        );
    }
    let forged = harness.signed_with("guess", "d-1", b"{}");
    assert_eq!(harness.send(forged).await.status, StatusCode::UNAUTHORIZED);

    harness.nats.start_again().await;
    wait_until(Duration::from_secs(20), async || {
        harness
            .send(harness.signed("d-1", b"{}"))
            .await
            .status
            .is_success()
    })
    .await;
    let again = harness.send(harness.signed("d-1", b"{}")).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(harness.stored().await, 1);

    harness.set_secrets(&["after the restart"]).await;
    wait_until(Duration::from_secs(20), async || {
        let request = harness.signed_with("after the restart", "d-2", b"{}");
        harness.send(request).await.status.is_success()
    })
    .await;
}
