//! Services that crash one after the other.

use std::time::Duration;

use maestro_domain::event::RunResult;

use crate::common::{Deployment, Setup, Topology, github::labeled, history::History};

const WITHIN: Duration = Duration::from_secs(90);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: turns}
spec:
  triggers:
    - {name: work, on: {event: issues, actions: [labeled]}, run: work}
  runs:
    work: {command: ["true"], timeout: 1m}
"#;

/// Takes turns in killing and starting each service while webhooks come in.
#[tokio::test(flavor = "multi_thread")]
async fn any_service_can_crash_while_webhooks_come_in() {
    let mut deployment = Setup::new(Topology::Services)
        .conductors(2)
        .stack(STACK)
        .start()
        .await;
    let mut sent = Vec::new();
    let services = [
        "ingress",
        "conductor-1",
        "executor",
        "projector",
        "conductor-2",
        "gateway",
    ];
    for (round, service) in services.iter().cycle().take(services.len() * 2).enumerate() {
        let numbers = (1..=8).map(|n| round as u64 * 10 + n);
        let (early, late): (Vec<_>, Vec<_>) = numbers.partition(|number| number % 10 <= 4);
        sent.extend(persist(&deployment, early).await);
        deployment.services().process(service).kill9().await;
        deployment.services().spawn(service);
        // While it starts.
        sent.extend(persist(&deployment, late).await);
    }
    let log = deployment.log().await;
    let ended = async || {
        let history = History::read(&log).await;
        Some(history).filter(|history| history.all_ended(sent.len()))
    };
    let history = deployment
        .eventually("all runs have ended", WITHIN, ended)
        .await;
    history.assert_decided_once(&sent);
    for (run, story) in history.runs() {
        assert_eq!(
            story.end().result,
            RunResult::Succeeded,
            "{run}: {story:#?}"
        );
        // An executor killed between the grant and the start loses an attempt.
        assert!(story.end().attempt <= 3, "{run}: {story:#?}");
    }
    deployment.caught_up(&history).await;
    let listed = deployment
        .cli(["runs", "list", "--all", "--output", "json"])
        .await
        .json();
    let runs = listed["runs"].as_array().unwrap().iter();
    let succeeded = runs
        .filter(|run| run["status"] == "RUN_STATUS_SUCCEEDED")
        .count();
    assert_eq!(succeeded, sent.len(), "the command line shows them");
    deployment.stop_leaving_nothing().await;
}

/// Delivers webhooks at once, each until it is accepted; returns their ids.
async fn persist(deployment: &Deployment, numbers: Vec<u64>) -> Vec<String> {
    let deliveries = numbers.into_iter().map(async |number| {
        let id = uuid::Uuid::new_v4().to_string();
        let body = serde_json::to_vec(&labeled(number, "any")).unwrap();
        let accepted = async || {
            let answer = deployment
                .webhook("issues", &id, body.clone())
                .send()
                .await
                .ok()?;
            answer.status().is_success().then_some(())
        };
        deployment
            .eventually("a webhook is accepted", WITHIN, accepted)
            .await;
        id
    });
    futures::future::join_all(deliveries).await
}
