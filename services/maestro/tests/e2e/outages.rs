//! The broker or Postgres is away for a while.

use std::time::Duration;

use maestro_domain::event::RunResult;
use maestro_eventlog::EventLog;
use maestro_readmodel::{PageRequest, RunFilter};
use maestro_runtime::clock;
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::Value;

use crate::common::{
    Deployment, Setup, Topology,
    github::{labeled, read},
    history::History,
    processes,
};

/// GitHub waits 10 s for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
const SOON: Duration = Duration::from_secs(60);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: outages}
spec:
  triggers:
    - {name: work, on: {event: issues, actions: [labeled], labels: ["run:dev"]}, run: work}
  runs:
    work: {command: [sh, -c, "echo working"], timeout: 1m}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_webhooks_are_refused_and_can_be_sent_again() {
    let setup = Setup::new(Topology::Services).stack(STACK);
    let mut deployment = setup.start().await;
    let pids: Vec<_> = deployment
        .services()
        .processes()
        .map(|process| process.pid())
        .collect();
    accepted(&deployment, "before", 1).await;

    deployment.services().nats.kill9().await;
    refused(&deployment, "during-a-crash", 2).await;
    deployment.services().nats.start_again().await;
    accepted(&deployment, "during-a-crash", 2).await;

    // A broker that hangs is worse than one that is gone: nothing closes the connection.
    let broker = deployment.services().nats.pid().expect("it runs");
    processes::signal(broker, Signal::SIGSTOP);
    refused(&deployment, "during-a-hang", 3).await;
    processes::signal(broker, Signal::SIGCONT);
    accepted(&deployment, "during-a-hang", 3).await;

    let history = runs_end(&deployment, &deployment.log().await, 3).await;
    let sent = ["before", "during-a-crash", "during-a-hang"].map(ToOwned::to_owned);
    history.assert_decided_once(&sent);
    let still: Vec<_> = deployment
        .services()
        .processes()
        .map(|process| process.pid())
        .collect();
    assert_eq!(still, pids, "no service was started again");
    deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_is_started_again() {
    let deployment = Setup::new(Topology::Up).stack(STACK).start().await;
    accepted(&deployment, "before", 1).await;
    for program in ["nats-server", "postgres"] {
        let all = processes::of(deployment.scratch.path());
        // The server itself, not one of its sessions.
        let server = all.iter().find(|process| {
            let name = process.command.split(' ').next().unwrap_or_default();
            name.ends_with(&format!("/{program}"))
        });
        let server = server.unwrap_or_else(|| panic!("no {program} among {all:#?}"));
        processes::signal(server.pid, Signal::SIGKILL);
        accepted(&deployment, &format!("after-{program}"), server.pid.into()).await;
    }
    runs_end(&deployment, &deployment.log().await, 3).await;
    read_models_hold(&deployment, 3).await;
    deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_webhooks_are_accepted_and_runs_execute() {
    let mut deployment = Setup::new(Topology::Services).stack(STACK).start().await;
    let log = deployment.log().await;
    accepted(&deployment, "before", 1).await;
    runs_end(&deployment, &log, 1).await;

    deployment.services().postgres.stop().await;
    for n in 2..=5 {
        accepted_at_once(&deployment, &format!("during-{n}"), n).await;
    }
    let history = runs_end(&deployment, &log, 5).await;
    for (run, story) in history.runs() {
        assert_eq!(story.end().result, RunResult::Succeeded, "{run}");
    }
    let asked = deployment.cli(["runs", "list"]).await;
    assert_eq!(
        asked.code(),
        Some(5),
        "unavailable: {}{}",
        asked.out(),
        asked.err()
    );

    deployment.services().postgres.start_again().await;
    read_models_hold(&deployment, 5).await;
    let listed = deployment
        .cli(["runs", "list", "--output", "json"])
        .await
        .json();
    assert_eq!(listed["runs"].as_array().map(Vec::len), Some(5));
    deployment.stop_leaving_nothing().await;
}

/// The answer to a webhook, which must come in time.
async fn answer(
    deployment: &Deployment,
    id: &str,
    number: u64,
) -> (StatusCode, Option<u64>, Value) {
    let body = serde_json::to_vec(&labeled(number, "run:dev")).unwrap();
    let started = clock::monotonic();
    let answer = deployment.webhook("issues", id, body).send().await;
    let took = started.elapsed();
    assert!(took < ANSWER_WITHIN, "{id} took {took:?}");
    let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
    let header = answer.headers().get("retry-after");
    let retry_after = header.map(|seconds| seconds.to_str().unwrap().parse().unwrap());
    let (status, body) = read(answer).await;
    (status, retry_after, body)
}

async fn refused(deployment: &Deployment, id: &str, number: u64) {
    let (status, retry_after, body) = answer(deployment, id, number).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "unavailable", "{body}");
    assert!(
        retry_after.is_some_and(|seconds| seconds > 0),
        "Retry-After: {retry_after:?}"
    );
}

async fn accepted_at_once(deployment: &Deployment, id: &str, number: u64) {
    let (status, _, body) = answer(deployment, id, number).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{id}: {body}");
}

/// Delivers again and again, as a person at GitHub would, until it is stored.
async fn accepted(deployment: &Deployment, id: &str, number: u64) {
    let what = format!("{id} is accepted");
    let status = deployment.eventually(&what, SOON, async || {
        let (status, _, _) = answer(deployment, id, number).await;
        status.is_success().then_some(status)
    });
    // A refused one may have been stored all the same; then it is a duplicate now.
    let status = status.await;
    assert!(
        matches!(status, StatusCode::ACCEPTED | StatusCode::OK),
        "{id}: {status}"
    );
}

async fn runs_end(deployment: &Deployment, log: &EventLog, runs: usize) -> History {
    let what = format!("{runs} runs have ended");
    let ended = deployment.eventually(&what, SOON, async || {
        Some(History::read(log).await).filter(|history| history.all_ended(runs))
    });
    ended.await
}

async fn read_models_hold(deployment: &Deployment, runs: usize) {
    let model = deployment.model();
    let what = format!("the read models hold {runs} runs that have ended");
    deployment
        .eventually(&what, SOON, async || {
            let page = model
                .list_runs(&RunFilter::default(), &PageRequest::default())
                .await
                .ok()?;
            let ended = page
                .rows
                .iter()
                .filter(|run| run.finished_at.is_some())
                .count();
            (ended == runs).then_some(())
        })
        .await;
}
