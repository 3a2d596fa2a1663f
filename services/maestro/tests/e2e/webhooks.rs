//! What the webhook endpoint accepts and how it refuses the rest.

mod malformed;

use std::time::Duration;

use maestro_eventlog::{EventLog, Stream};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::common::{
    Deployment, Setup, Topology,
    github::{example, read},
    history::History,
    node, processes,
};

/// GitHub's limit.
const LARGEST: usize = 25 * 1024 * 1024;
const MALFORMED: usize = 10_000;
const WARM_UP: usize = 2_000;
const MAY_GROW: u64 = 10 * 1024 * 1024;

/// Signs standard input as a program of another author does.
const SIGN: &str = r#"
import { Webhooks } from "@octokit/webhooks";
import { text } from "node:stream/consumers";
const webhooks = new Webhooks({ secret: process.env.SECRET });
process.stdout.write(await webhooks.sign(await text(process.stdin)));
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_and_whole_is_accepted_and_nothing_else() {
    let deployment = Setup::new(Topology::Up).start().await;
    let log = deployment.log().await;
    signed_by_another_program(&deployment, &log).await;
    without_a_header(&deployment, &log).await;
    largest(&deployment, &log).await;
    deployment.stop_leaving_nothing().await;
}

async fn signed_by_another_program(deployment: &Deployment, log: &EventLog) {
    let body = serde_json::to_string(&example("issues", Some("opened"))).unwrap();
    let environment = [("SECRET", deployment.secret.as_str())];
    let within = Duration::from_secs(30);
    let signature = node::module(SIGN, &environment, body.as_bytes(), within).await;
    let send = async |body: String| {
        let request = deployment.http.post(&deployment.at.webhook);
        let answer = request
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", "signed-by-another-program")
            .header("x-hub-signature-256", &signature)
            .body(body)
            .send()
            .await;
        read(answer.unwrap()).await
    };
    let changed = body.replacen("opened", "opened".to_uppercase().as_str(), 1);
    assert_eq!(changed.len(), body.len());
    let (status, answer) = send(changed).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer["code"], "unauthorized", "{answer}");
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().last_seq,
        0,
        "nothing stored"
    );

    let (status, answer) = send(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().last_seq,
        1
    );
}

async fn without_a_header(deployment: &Deployment, log: &EventLog) {
    let before = log.stream_state(Stream::Deliveries).await.unwrap();
    let refused = |field: &str| {
        (
            StatusCode::BAD_REQUEST,
            json!("invalid_argument"),
            json!(field),
        )
    };
    let unsigned = (StatusCode::UNAUTHORIZED, json!("unauthorized"), Value::Null);
    for (header, expected) in [
        ("x-github-delivery", refused("X-GitHub-Delivery")),
        ("x-github-event", refused("X-GitHub-Event")),
        ("content-type", refused("Content-Type")),
        ("x-hub-signature-256", unsigned),
    ] {
        let request = deployment.webhook("issues", "without-a-header", b"{}".to_vec());
        let (status, answer) = read(send_without(deployment, request, header).await).await;
        assert_eq!(
            (status, answer["code"].clone(), answer["field"].clone()),
            expected,
            "{answer}"
        );
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(
            message.contains(' '),
            "a sentence says what is wrong: {answer}"
        );
    }
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap(),
        before,
        "nothing stored"
    );
}

async fn send_without(
    deployment: &Deployment,
    request: RequestBuilder,
    header: &str,
) -> reqwest::Response {
    let mut request = request.build().unwrap();
    assert!(
        request.headers_mut().remove(header).is_some(),
        "{header} was there"
    );
    deployment.http.execute(request).await.unwrap()
}

async fn largest(deployment: &Deployment, log: &EventLog) {
    let (status, answer) = deployment
        .post("push", "too-large", body_of(LARGEST + 1))
        .await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );

    let body = body_of(LARGEST);
    let (status, answer) = deployment.post("push", "largest", body.clone()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let seq = log.stream_state(Stream::Deliveries).await.unwrap().last_seq;
    let stored = log.delivery(seq).await.unwrap().expect("the delivery");
    assert_eq!(stored.id.as_str(), "largest");
    assert!(
        stored.body == body,
        "{} bytes come back as they were sent",
        body.len()
    );
    let (status, answer) = deployment.post("push", "largest", body).await;
    assert_eq!(
        (status, &answer["duplicate"]),
        (StatusCode::OK, &json!(true))
    );
    deployment
        .eventually(
            "the largest delivery is decided",
            Duration::from_secs(30),
            async || {
                History::read(log)
                    .await
                    .decisions()
                    .get("largest")
                    .map(|_| ())
            },
        )
        .await;
}

/// A JSON object of exactly so many bytes.
fn body_of(bytes: usize) -> Vec<u8> {
    let frame = r#"{"padding":""}"#.len();
    format!(r#"{{"padding":"{}"}}"#, "x".repeat(bytes - frame)).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_malformed_requests_cost_no_memory_and_no_failure() {
    let mut deployment = Setup::new(Topology::Up).start().await;
    let log = deployment.log().await;
    let pid = deployment.process().pid();
    malformed::send(&deployment, WARM_UP).await;
    let before = processes::resident(pid);
    let answers = malformed::send(&deployment, MALFORMED).await;
    let after = processes::resident(pid);
    println!("{answers:?}; {before} bytes before, {after} after");
    assert_eq!(answers.values().sum::<usize>(), MALFORMED);
    let failures: Vec<_> = answers.keys().filter(|status| **status >= 500).collect();
    assert!(failures.is_empty(), "{answers:?}");
    assert!(
        answers.keys().all(|status| *status >= 400),
        "none was accepted: {answers:?}"
    );
    assert!(
        after.saturating_sub(before) <= MAY_GROW,
        "{before} bytes grew to {after}"
    );
    assert_eq!(
        log.stream_state(Stream::Deliveries).await.unwrap().last_seq,
        0,
        "nothing stored"
    );

    // A sender whose requests are sound is served all the same.
    deployment
        .deliver("watch", &example("watch", Some("started")))
        .await;
    deployment.stop_leaving_nothing().await;
}
