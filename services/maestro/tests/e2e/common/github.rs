//! Sending webhooks as GitHub does.

use std::{sync::LazyLock, time::Duration};

use maestro_testkit::github::{Payload, payloads, sign};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::Deployment;

/// GitHub gives up after so long.
const PATIENCE: Duration = Duration::from_secs(10);

impl Deployment {
    /// A signed request that is not sent yet.
    pub(crate) fn webhook(&self, event: &str, delivery: &str, body: Vec<u8>) -> RequestBuilder {
        let signature = sign(&self.secret, &body);
        self.http
            .post(&self.at.webhook)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/044aadd")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", signature)
            .body(body)
    }

    /// Delivers a webhook and returns status and body of the answer.
    pub(crate) async fn post(
        &self,
        event: &str,
        delivery: &str,
        body: Vec<u8>,
    ) -> (StatusCode, Value) {
        let answer = self.webhook(event, delivery, body).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error:?}"));
        read(answer).await
    }

    /// Delivers a webhook that must be accepted; returns its delivery id.
    pub(crate) async fn deliver(&self, event: &str, body: &Value) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let (status, answer) = self
            .post(event, &id, serde_json::to_vec(body).unwrap())
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        id
    }
}

/// Status and JSON of an answer.
pub(crate) async fn read(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: not JSON: {text}"));
    (status, body)
}

/// All examples, parsed once.
static EXAMPLES: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let parse = |payload: Payload| {
        (
            payload.event,
            serde_json::from_slice(&payload.body).unwrap(),
        )
    };
    payloads().into_iter().map(parse).collect()
});

/// The first example of an event, with this action.
pub(crate) fn example(event: &str, action: Option<&str>) -> Value {
    let fits = |(of, body): &&(String, Value)| {
        of == event && (action.is_none() || body["action"].as_str() == action)
    };
    let found = EXAMPLES.iter().find(fits);
    let (_, body) = found.unwrap_or_else(|| panic!("no example of {event} {action:?}"));
    body.clone()
}

/// Issue `number`, just labelled `label`: an action like no other.
pub(crate) fn labeled(number: u64, label: &str) -> Value {
    let mut body = example("issues", Some("labeled"));
    body["issue"]["id"] = json!(900_000_000 + number);
    body["issue"]["number"] = json!(number);
    body["label"]["name"] = json!(label);
    body["issue"]["labels"] = json!([body["label"]]);
    body
}
