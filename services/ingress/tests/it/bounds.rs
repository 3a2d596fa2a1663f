//! Bounds of size, memory, time and rate.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use maestro_ingress::Config;
use maestro_testkit::{github::sign, wait_until};
use reqwest::{Body, RequestBuilder, StatusCode};
use tokio::sync::mpsc;

use crate::harness::{Answer, Harness, SECRET, object_of};

const MIB: usize = 1024 * 1024;
const LIMIT: usize = 25 * MIB;

#[tokio::test]
async fn twenty_five_megabytes_are_accepted_and_readable_again() {
    let harness = Harness::start().await;
    let body = object_of(LIMIT);
    let answer = harness.send(harness.signed("large", &body)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert!(harness.last().await.body == body);
    let again = harness.send(harness.signed("large", &body)).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(harness.stored().await, 1);
}

#[tokio::test]
async fn one_byte_more_is_too_large_announced_or_not() {
    let harness = Harness::start().await;
    let body = object_of(LIMIT + 1);
    let chunks: Vec<_> = body
        .chunks(MIB)
        .map(|it| Ok::<_, std::io::Error>(Bytes::copy_from_slice(it)))
        .collect();
    let unannounced = harness
        .unsigned("larger")
        .header("X-Hub-Signature-256", sign(SECRET, &body))
        .body(Body::wrap_stream(stream::iter(chunks)));
    for request in [harness.signed("larger", &body), unannounced] {
        let answer = harness.send(request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.code(), "too_large");
    }
    assert_eq!(harness.stored().await, 0);
}

/// A request whose body is sent as the test says.
fn slow(harness: &Harness, id: &str, body: &[u8]) -> (RequestBuilder, mpsc::Sender<Bytes>) {
    let (sender, mut receiver) = mpsc::channel(1);
    let chunks = stream::poll_fn(move |context| receiver.poll_recv(context));
    let request = harness
        .unsigned(id)
        .header("X-Hub-Signature-256", sign(SECRET, body))
        .header("Content-Length", body.len())
        .body(Body::wrap_stream(chunks.map(Ok::<_, std::io::Error>)));
    (request, sender)
}

#[tokio::test]
async fn large_bodies_share_the_memory_there_is() {
    let harness = Harness::with(Config {
        body_limit: 4 * MIB,
        in_flight_bytes: 12 * MIB,
        memory_wait_ms: 2_000,
        body_timeout_ms: 60_000,
        ..Config::default()
    })
    .await;
    let body = Bytes::from(object_of(4 * MIB));
    let mut holders = Vec::new();
    for id in ["first", "second"] {
        let (request, sender) = slow(&harness, id, &body);
        let answer = tokio::spawn(request.send());
        sender.send(body.slice(..2 * MIB)).await.unwrap();
        holders.push((answer, sender));
    }
    wait_until(Duration::from_secs(30), async || {
        busy(&harness.send(harness.signed("third", &body)).await)
    })
    .await;
    let small = harness.send(harness.signed("small", b"{}")).await;
    assert_eq!(small.status, StatusCode::ACCEPTED);

    for (answer, sender) in holders {
        sender.send(body.slice(2 * MIB..)).await.unwrap();
        drop(sender);
        assert_eq!(
            answer.await.unwrap().unwrap().status(),
            StatusCode::ACCEPTED
        );
    }
    let last = harness.send(harness.signed("last", &body)).await;
    assert_eq!(last.status, StatusCode::ACCEPTED);
}

fn busy(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE
        && answer.code() == "unavailable"
        && answer.header("retry-after").is_some()
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let harness = Harness::with(Config {
        body_timeout_ms: 200,
        ..Config::default()
    })
    .await;
    let (request, sender) = slow(&harness, "slow", b"{\"a\":1}");
    let answer = tokio::spawn(request.send());
    sender.send(Bytes::from_static(b"{\"a\"")).await.unwrap();
    assert_eq!(
        answer.await.unwrap().unwrap().status(),
        StatusCode::REQUEST_TIMEOUT
    );
    drop(sender);
}

#[tokio::test]
async fn only_failed_verifications_are_limited() {
    let harness = Harness::with(Config {
        failed_verifications_per_minute: 3,
        ..Config::default()
    })
    .await;
    for n in 0..20 {
        let forged = harness
            .send(harness.signed_with("guess", "forged", b"{}"))
            .await;
        let expected = if n < 3 {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::TOO_MANY_REQUESTS
        };
        assert_eq!(forged.status, expected);
        if n >= 3 {
            assert_eq!(forged.code(), "rate_limited");
            let wait: u64 = forged.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
        }
        let valid = harness
            .send(harness.signed(&format!("valid-{n}"), b"{}"))
            .await;
        assert_eq!(valid.status, StatusCode::ACCEPTED);
    }
}
