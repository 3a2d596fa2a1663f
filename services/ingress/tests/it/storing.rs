//! What is stored, and that it is stored once.

use futures::future::join_all;
use maestro_testkit::github::{payloads, sign};
use reqwest::StatusCode;

use crate::harness::{Harness, SECRET};

#[tokio::test]
async fn a_delivery_is_stored_with_its_headers_byte_for_byte() {
    let harness = Harness::start().await;
    let body = b" {\"repository\":{\"full_name\":\"acme/shop.js\"},\n\"x\":\"\\u00e4\"}\r\n";
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = harness
        .signed("d-1", body)
        .header("X-GitHub-Hook-ID", "292430182")
        .header("traceparent", trace);
    assert_eq!(harness.send(request).await.status, StatusCode::ACCEPTED);

    let stored = harness.last().await;
    assert_eq!(&stored.body[..], body);
    assert_eq!(stored.provider.as_str(), "github");
    assert_eq!(stored.event, "issues");
    assert_eq!(stored.id.as_str(), "d-1");
    assert_eq!(stored.hook_id.as_deref(), Some("292430182"));
    assert_eq!(
        stored.repository,
        Some(("acme".to_owned(), "shop.js".to_owned()))
    );
    assert_eq!(stored.traceparent.as_deref(), Some(trace));
    assert!(!stored.form);
}

#[tokio::test]
async fn a_trace_begins_where_the_sender_has_none() {
    let harness = Harness::start().await;
    let request = harness
        .signed("d-1", b"{}")
        .header("traceparent", "nonsense");
    harness.send(request).await;
    let stored = harness.last().await;
    assert!(maestro_runtime::trace::trace_id(&stored.traceparent.unwrap()).is_some());
    assert_eq!(stored.repository, None);
}

#[tokio::test]
async fn a_form_is_accepted_and_stored_raw() {
    let harness = Harness::start().await;
    let form = b"payload=%7B%22repository%22%3A%7B%22full_name%22%3A%22acme%2Fshop%22%7D%7D";
    let request = |body: &[u8]| {
        harness
            .bare()
            .header("X-GitHub-Delivery", "d-1")
            .header("X-GitHub-Event", "push")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("X-Hub-Signature-256", sign(SECRET, body))
            .body(body.to_vec())
    };
    let empty = harness.send(request(b"other=1")).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        harness.send(request(form)).await.status,
        StatusCode::ACCEPTED
    );
    let stored = harness.last().await;
    assert_eq!(&stored.body[..], form);
    assert!(stored.form);
    assert_eq!(
        stored.repository,
        Some(("acme".to_owned(), "shop".to_owned()))
    );
}

#[tokio::test]
async fn of_three_concurrent_deliveries_with_one_id_one_is_new() {
    let harness = Harness::start().await;
    let examples = payloads();
    for (round, wave) in examples.chunks(32).enumerate() {
        let sends = wave.iter().enumerate().flat_map(|(n, example)| {
            let id = format!("d-{round}-{n}");
            (0..3)
                .map(|_| harness.send(harness.signed(&id, &example.body)))
                .collect::<Vec<_>>()
        });
        for answers in join_all(sends).await.chunks(3) {
            let mut statuses: Vec<_> = answers.iter().map(|it| it.status.as_u16()).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 200, 202]);
            assert!(
                answers
                    .iter()
                    .all(|it| it.body["correlation_id"] == answers[0].body["correlation_id"])
            );
        }
    }
    assert_eq!(harness.stored().await, examples.len() as u64);
}
