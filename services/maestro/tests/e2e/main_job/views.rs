//! What the log, Postgres and the command line say about runs and deliveries.

use std::collections::BTreeMap;

use maestro_domain::{event::RunResult, run::Status};
use maestro_readmodel::{PageRequest, RunFilter};
use serde_json::Value;

use crate::common::{Deployment, history::History};

/// What all of them know of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    status: String,
    project: String,
    trigger: String,
    delivery: String,
    attempt: u64,
}

type Views = BTreeMap<String, View>;

/// Makes sure that all three agree on every run and every delivery.
pub(super) async fn assert_agreement(deployment: &Deployment, history: &History) {
    let of_log = log_runs(history);
    deployment.caught_up(history).await;
    let of_postgres = postgres_runs(deployment).await;
    assert_eq!(of_postgres, of_log, "Postgres and the log");
    assert_eq!(
        command_line_runs(deployment).await,
        of_log,
        "the command line and the log"
    );

    let decided = history.decisions().into_iter();
    let decided: BTreeMap<_, _> = decided
        .map(|(id, decided)| (id, serde_json::to_value(decided[0].reason).unwrap()))
        .collect();
    assert_eq!(command_line_deliveries(deployment).await, decided);
}

fn log_runs(history: &History) -> Views {
    let view = |(id, story): (_, crate::common::history::Story)| {
        let end = story.end();
        let requested = story.requested.unwrap();
        let status = match end.result {
            RunResult::Succeeded => "succeeded",
            RunResult::Failed => "failed",
            RunResult::Canceled => "canceled",
        };
        let view = View {
            status: status.to_owned(),
            project: history.state.projects[&requested.project].slug.to_string(),
            trigger: requested.trigger.to_string(),
            delivery: requested.delivery.to_string(),
            attempt: end.attempt.into(),
        };
        (ToString::to_string(&id), view)
    };
    history.runs().into_iter().map(view).collect()
}

/// All pages.
async fn postgres_runs(deployment: &Deployment) -> Views {
    let model = deployment.model();
    let mut views = Views::new();
    let mut request = PageRequest {
        size: 20,
        token: String::new(),
    };
    loop {
        let page = model
            .list_runs(&RunFilter::default(), &request)
            .await
            .unwrap();
        for run in page.rows {
            let status = match run.status {
                Status::Succeeded => "succeeded".to_owned(),
                other => format!("{other:?}"),
            };
            let view = View {
                status,
                project: run.project,
                trigger: run.trigger,
                delivery: run.delivery.to_string(),
                attempt: run.attempt.into(),
            };
            assert!(
                views.insert(run.id.to_string(), view).is_none(),
                "{} comes twice",
                run.id
            );
        }
        match page.next {
            Some(token) => request.token = token,
            None => return views,
        }
    }
}

async fn command_line_runs(deployment: &Deployment) -> Views {
    let listed = deployment
        .cli(["runs", "list", "--all", "--output", "json"])
        .await
        .json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let view = |run: &Value| {
        let view = View {
            status: text(&run["status"])
                .trim_start_matches("RUN_STATUS_")
                .to_lowercase(),
            project: text(&run["project"]),
            trigger: text(&run["trigger"]),
            delivery: text(&run["deliveryId"]),
            attempt: run["attempt"].as_u64().unwrap_or_default(),
        };
        (text(&run["id"]), view)
    };
    let runs = listed["runs"].as_array().unwrap();
    let views: Views = runs.iter().map(view).collect();
    assert_eq!(
        views.len(),
        runs.len(),
        "the command line lists a run twice"
    );
    views
}

/// Reasons by delivery, page by page to the end.
async fn command_line_deliveries(deployment: &Deployment) -> BTreeMap<String, Value> {
    let mut reasons = BTreeMap::new();
    let mut page = String::new();
    loop {
        let arguments = [
            "deliveries",
            "list",
            "--limit",
            "100",
            "--output",
            "json",
            "--page",
        ];
        let arguments = arguments.into_iter().chain([page.as_str()]);
        let listed = deployment.cli(arguments).await.json();
        for delivery in listed["deliveries"].as_array().unwrap() {
            let id = delivery["id"].as_str().unwrap().to_owned();
            assert!(reasons.insert(id, delivery["reason"].clone()).is_none());
        }
        match listed["nextPageToken"].as_str() {
            Some(token) if !token.is_empty() => page = token.to_owned(),
            _ => return reasons,
        }
    }
}
