//! Requests that are wrong in every way a sender can be wrong.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use reqwest::RequestBuilder;

use crate::common::Deployment;

const IN_PARALLEL: usize = 32;

/// Sends so many of them, all kinds in turn; returns how often each status was the answer.
pub(super) async fn send(deployment: &Deployment, requests: usize) -> BTreeMap<u16, usize> {
    let mut answers = BTreeMap::new();
    let mut sending = futures::stream::iter(0..requests)
        .map(|n| async move {
            let answer = malformed(deployment, n).send().await;
            let answer = answer.unwrap_or_else(|error| panic!("{n}: {error}"));
            let status = answer.status().as_u16();
            answer.bytes().await.unwrap();
            status
        })
        .buffer_unordered(IN_PARALLEL);
    while let Some(status) = sending.next().await {
        *answers.entry(status).or_default() += 1;
    }
    answers
}

fn malformed(deployment: &Deployment, n: usize) -> RequestBuilder {
    let id = format!("malformed-{n}");
    let signed = |body: &str| deployment.webhook("issues", &id, body.as_bytes().to_vec());
    let post = || deployment.http.post(&deployment.at.webhook);
    match n % 12 {
        // Signed well, but not a JSON object.
        0 => signed(""),
        1 => signed("{\"action\":"),
        2 => signed(&"[".repeat(10_000)),
        3 => signed("[1, 2, 3]"),
        4 => signed("{\"number\": 1} {}"),
        // Headers that are missing, twice there, or nonsense.
        5 => post().body("{}"),
        6 => signed("{}").header("x-github-event", "push"),
        7 => deployment.webhook("../../etc/passwd", &id, b"{}".to_vec()),
        8 => deployment.webhook("issues", &"x".repeat(500), b"{}".to_vec()),
        9 => signed("{}").header("content-type", "text/plain"),
        // Another method, and a signature that is none.
        10 => deployment.http.get(&deployment.at.webhook),
        _ => post()
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", &id)
            .header("x-hub-signature-256", format!("sha256={n:064x}"))
            .body(format!("{{\"n\":{n}}}")),
    }
}
