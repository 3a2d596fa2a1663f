//! The endpoint as a process of its own.

use std::time::Duration;

use maestro_testkit::wait_until;
use reqwest::StatusCode;

use crate::harness::Harness;

#[tokio::test]
async fn readiness_follows_the_broker_and_liveness_does_not() {
    let mut harness = Harness::start().await;
    let get = async |harness: &Harness, path: &str| {
        harness.send(harness.client.get(harness.url(path))).await
    };
    let ready = get(&harness, "/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "{}", ready.body);
    assert_eq!(ready.body["checks"][1]["detail"], "1 active");
    harness.nats.kill9().await;
    let unready = get(&harness, "/readyz").await;
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unready.body["checks"][0]["name"], "broker");
    assert_eq!(unready.body["checks"][0]["ok"], false);
    assert_eq!(get(&harness, "/healthz").await.status, StatusCode::OK);
    harness.nats.start_again().await;
    wait_until(Duration::from_secs(20), async || {
        get(&harness, "/readyz").await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn it_stops_when_asked() {
    let harness = Harness::start().await;
    harness.send(harness.signed("d-1", b"{}")).await;
    harness.stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(5), harness.server).await;
    stopped.unwrap().unwrap().unwrap();
    assert!(
        harness
            .client
            .get(format!("http://{}/healthz", harness.address))
            .send()
            .await
            .is_err()
    );
}
