//! Every documented answer.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Harness, SECRET};
use maestro_testkit::github::sign;

const BODY: &[u8] = br#"{"action":"opened","repository":{"id":1,"full_name":"acme/shop"}}"#;

#[tokio::test]
async fn a_new_delivery_is_accepted_and_a_seen_one_is_a_duplicate() {
    let harness = Harness::start().await;
    let id = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    let correlation_id = "bf778565-942a-5f51-9e62-5ab32d676954";

    let first = harness.send(harness.signed(id, BODY)).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(
        first.body,
        json!({"correlation_id": correlation_id, "delivery_id": id, "status": "accepted", "duplicate": false})
    );

    let again = harness.send(harness.signed(id, BODY)).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(
        again.body,
        json!({"correlation_id": correlation_id, "delivery_id": id, "status": "duplicate", "duplicate": true})
    );
    assert_eq!(harness.stored().await, 1);
}

#[tokio::test]
async fn a_missing_header_is_named() {
    let harness = Harness::start().await;
    let headers = [
        ("X-GitHub-Delivery", "d-1".to_owned()),
        ("X-GitHub-Event", "issues".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("X-Hub-Signature-256", sign(SECRET, BODY)),
    ];
    for (missing, _) in &headers {
        let kept = headers.iter().filter(|(name, _)| name != missing);
        let request = kept.fold(harness.bare(), |request, (name, value)| {
            request.header(*name, value)
        });
        let answer = harness.send(request.body(BODY)).await;
        if *missing == "X-Hub-Signature-256" {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert_eq!(
                answer.body,
                json!({"code": "unauthorized", "message": "the signature header is missing"})
            );
        } else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(
                answer.body,
                json!({"code": "invalid_argument", "message": format!("the header {missing} is missing"), "field": missing})
            );
        }
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn a_header_of_another_form_is_refused() {
    let harness = Harness::start().await;
    for (name, value) in [
        ("X-GitHub-Delivery", "a.b"),
        ("X-GitHub-Event", "issues.>"),
        ("X-GitHub-Hook-ID", "not a token"),
        ("Content-Type", "text/plain"),
    ] {
        let headers = [
            ("X-GitHub-Delivery", "d-1"),
            ("X-GitHub-Event", "issues"),
            ("Content-Type", "application/json"),
        ];
        let kept = headers.iter().filter(|(kept, _)| *kept != name);
        let request = kept.fold(
            harness.bare().header(name, value),
            |request, (name, value)| request.header(*name, *value),
        );
        let answer = harness
            .send(
                request
                    .header("X-Hub-Signature-256", sign(SECRET, BODY))
                    .body(BODY),
            )
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(answer.body["field"], name);
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn a_wrong_signature_is_unauthorized_and_stores_nothing() {
    let harness = Harness::start().await;
    let mut changed = BODY.to_vec();
    changed[12] ^= 1;
    let signed_otherwise = harness
        .unsigned("d-1")
        .header("X-Hub-Signature-256", sign(SECRET, BODY))
        .body(changed);
    let answer = harness.send(signed_otherwise).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.body,
        json!({"code": "unauthorized", "message": "the signature does not match"})
    );
    let other_secret = harness.signed_with("guess", "d-1", BODY);
    assert_eq!(
        harness.send(other_secret).await.status,
        StatusCode::UNAUTHORIZED
    );
    for malformed in [
        "",
        "sha256=",
        "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
    ] {
        let request = harness
            .unsigned("d-1")
            .header("X-Hub-Signature-256", malformed);
        let answer = harness.send(request.body(BODY)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{malformed}");
        assert_eq!(answer.code(), "unauthorized");
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_refused_after_its_signature() {
    let harness = Harness::start().await;
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\"{}\"",
        b"{\"a\":\"\xff\"}",
        b"payload=%7B%7D",
    ] {
        let answer = harness.send(harness.signed("d-1", body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.code(), "invalid_argument");
        assert_eq!(answer.body["field"], "body");
        let unverified = harness.signed_with("guess", "d-1", body);
        assert_eq!(
            harness.send(unverified).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(harness.stored().await, 0);
}

#[tokio::test]
async fn other_methods_and_addresses_are_told_so() {
    let harness = Harness::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let url = harness.url("/api/v1/webhooks/github");
        let answer = harness.send(harness.client.request(method, url)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("POST"));
        assert_eq!(answer.code(), "method_not_allowed");
    }
    let elsewhere = harness.client.post(harness.url("/api/v1/webhooks/other"));
    let answer = harness.send(elsewhere).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "not_found");
}
