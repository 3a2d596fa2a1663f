//! Read models are verified and rebuilt by hand, as the runbook says.

use std::{process::Stdio, time::Duration};

use maestro_runtime::private;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::common::{Deployment, Setup, Topology, github::labeled, history::History};

const WITHIN: Duration = Duration::from_secs(90);
const STACK: &str = "
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: short}
spec:
  triggers:
    - {name: work, on: {event: issues, actions: [labeled]}, run: work}
  runs:
    work: {command: ['true'], timeout: 1m}
";
const NAMES: [&str; 4] = ["journal", "deliveries", "runs", "slots"];

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cell_is_found_named_and_mended_by_a_rebuild() {
    let deployment = Setup::new(Topology::Up).stack(STACK).start().await;
    deployment.deliver("issues", &labeled(1, "run:dev")).await;
    let log = deployment.log().await;
    let history = deployment
        .eventually("the run has ended", WITHIN, async || {
            let history = History::read(&log).await;
            Some(history).filter(|history| history.all_ended(1))
        })
        .await;
    deployment.caught_up(&history).await;

    let clean = deployment.cli(["projections", "verify", "--output", "json"]);
    for job in clean.await.json().as_array().unwrap() {
        assert_eq!(
            (&job["state"], &job["finding"]),
            (&json!("done"), &Value::Null)
        );
    }

    change(&deployment, "update runs set attempt = 41").await;
    let found = deployment.cli(["projections", "verify", "runs"]).await;
    assert_eq!(found.code(), Some(1), "{}", found.err());
    let said = found.out();
    assert!(said.contains("attempt is 41, but the log says 1"), "{said}");

    let done = deployment.cli(["projections", "rebuild", "--all", "--output", "json"]);
    let done = done.await.json();
    let names: Vec<_> = done
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["projection"])
        .collect();
    assert_eq!(names, NAMES);
    deployment.cli(["projections", "verify"]).await.text();
    let listed = deployment.cli(["projections", "list"]).await.text();
    assert!(listed.contains("rebuild done, verify done"), "{listed}");

    let unknown = deployment.cli(["projections", "rebuild", "nothing"]).await;
    assert_eq!(unknown.code(), Some(2));
    let idle = deployment.cli(["projections", "cancel", "runs"]).await;
    assert_eq!(idle.text().trim(), "Nothing is done beside runs.");
    deployment.stop_leaving_nothing().await;
}

/// What nobody should do.
async fn change(deployment: &Deployment, sql: &str) {
    let psql = private::postgres_bin(None).unwrap().join("psql");
    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--quiet", "--command", sql]);
    command.arg(&deployment.at.postgres).stdin(Stdio::null());
    assert!(command.status().await.unwrap().success());
}
