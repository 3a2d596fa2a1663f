//! Clients of other languages.

use std::time::Duration;

use maestro_eventlog::Stream;
use maestro_testkit::github::sign;
use serde_json::{Value, json};

use crate::common::{
    Deployment, Setup, Topology,
    github::labeled,
    history::{History, messages},
    node,
};

const SOON: Duration = Duration::from_secs(60);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: clients}
spec:
  triggers:
    - {name: work, on: {event: issues, actions: [labeled]}, run: work}
  runs:
    work: {command: [sh, -c, "echo working"], timeout: 1m}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_languages_read_events_and_list_runs() {
    let deployment = Setup::new(Topology::Up).stack(STACK).start().await;
    events(&deployment).await;
    for number in 2..=5 {
        deployment.deliver("issues", &labeled(number, "any")).await;
    }
    let log = deployment.log().await;
    let ended = async || Some(History::read(&log).await).filter(|history| history.all_ended(5));
    let history = deployment
        .eventually("five runs have ended", SOON, ended)
        .await;
    deployment.caught_up(&history).await;
    reflection(&deployment).await;
    deployment.stop_leaving_nothing().await;
}

/// A subscriber of `maestro.events.>` reads what is stored, as JSON that a person understands.
async fn events(deployment: &Deployment) {
    let body = serde_json::to_vec(&labeled(1, "any")).unwrap();
    let signature = sign(&deployment.secret, &body);
    let environment = [
        ("NATS", deployment.at.nats.as_str()),
        ("WEBHOOK", &deployment.at.webhook),
        ("SIGNATURE", &signature),
        ("DELIVERY", "followed"),
    ];
    let script = include_str!("clients/events.mjs");
    let seen = node::module(script, &environment, &body, SOON).await;
    let seen: Vec<Value> = serde_json::from_str(&seen).unwrap();
    let stored = messages(&deployment.log().await, Stream::Events).await;
    let mut story = Vec::new();
    for event in &seen {
        let sequence = event["sequence"].as_u64().unwrap();
        let stored = stored
            .iter()
            .find(|message| message.seq == sequence)
            .expect("stored");
        assert_eq!(
            event["text"].as_str().unwrap().as_bytes(),
            stored.payload,
            "as stored"
        );
        let commit: Value = serde_json::from_str(event["text"].as_str().unwrap()).unwrap();
        assert_eq!(commit["n"], sequence);
        let first = commit["events"][0]["type"].as_str().unwrap();
        assert_eq!(event["subject"], format!("maestro.events.default.{first}"));
        for event in commit["events"].as_array().unwrap() {
            story.push(event["type"].as_str().unwrap().to_owned());
            assert!(!event["id"].as_str().unwrap().is_empty() && event["data"].is_object());
        }
    }
    let told = [
        "delivery.decided",
        "run.requested",
        "slot.leased",
        "run.dispatched",
        "run.claimed",
        "run.started",
        "run.finished",
    ];
    let order = told
        .iter()
        .map(|kind| story.iter().position(|told| told == kind));
    assert!(
        order.clone().all(|at| at.is_some()) && order.is_sorted_by(|a, b| a < b),
        "{story:?}"
    );
}

/// A client that knows nothing but reflection lists the same runs as the command line.
async fn reflection(deployment: &Deployment) {
    let token = std::fs::read_to_string(deployment.data().join("operator.token")).unwrap();
    let address = deployment.at.grpc.trim_start_matches("http://");
    let environment = [("ADDRESS", address), ("TOKEN", token.trim())];
    let script = include_str!("clients/reflection.mjs");
    let answer = node::module(script, &environment, &[], SOON).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    for service in [
        "maestro.v1.RunService",
        "maestro.v1.DeliveryService",
        "grpc.health.v1.Health",
    ] {
        assert!(
            answer["services"]
                .as_array()
                .unwrap()
                .contains(&service.into()),
            "{answer}"
        );
    }
    let listed = deployment
        .cli(["runs", "list", "--output", "json"])
        .await
        .json();
    let fields = |camel: bool| {
        let delivery = if camel { "deliveryId" } else { "delivery_id" };
        [
            "id",
            "project",
            "trigger",
            "status",
            delivery,
            "repository",
            "number",
        ]
    };
    let rows = |runs: &Value, camel: bool| -> Vec<Vec<Value>> {
        let row = |run: &Value| fields(camel).map(|field| run[field].clone()).to_vec();
        runs.as_array().unwrap().iter().map(row).collect()
    };
    let (by_reflection, by_command) = (rows(&answer["runs"], false), rows(&listed["runs"], true));
    assert_eq!(
        (by_reflection.len(), &answer["pages"]),
        (5, &json!(3)),
        "5 runs on 3 pages"
    );
    assert_eq!(by_reflection, by_command, "in the same order");
}
