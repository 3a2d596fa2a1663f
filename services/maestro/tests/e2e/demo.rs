//! `maestro up --demo`: what a newcomer sees.

use std::{collections::BTreeSet, time::Duration};

use maestro_domain::event::RunResult;

use crate::common::{Setup, Topology, history::History, node};

/// What a debug build on two busy cores needs.
const WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_every_kind_of_run() {
    let examples = node::ui().join("node_modules/@octokit/webhooks-examples");
    let setup = Setup::new(Topology::Up)
        .argument("--demo")
        .env("MAESTRO_DEMO_PAYLOADS", examples.display().to_string());
    let mut deployment = setup.start().await;
    let posted = deployment.process().line("demo: posted ", WITHIN).await;
    let posted: usize = posted.split(' ').nth(2).unwrap().parse().unwrap();

    let log = deployment.log().await;
    let ended = async || {
        let history = History::read(&log).await;
        let decided = history.decisions().len() == posted;
        Some(history).filter(|history| decided && history.all_ended(history.runs().len()))
    };
    let history = deployment
        .eventually("the demo's runs have ended", WITHIN, ended)
        .await;
    let mut triggers = BTreeSet::new();
    for (run, story) in history.runs() {
        let requested = story.requested.as_ref().unwrap();
        assert_eq!(
            history.state.projects[&requested.project].slug.as_str(),
            "demo"
        );
        let result = story.end().result;
        let wanted = match requested.trigger.as_str() {
            "broken-build" => result == RunResult::Failed,
            // A newer push supersedes an older one.
            "check-push" => result != RunResult::Failed,
            _ => result == RunResult::Succeeded,
        };
        assert!(wanted, "{run}: {story:#?}");
        triggers.insert(requested.trigger.to_string());
    }
    for trigger in [
        "agent-on-label",
        "broken-build",
        "check-push",
        "triage",
        "welcome",
    ] {
        assert!(
            triggers.contains(trigger),
            "{trigger} started something: {triggers:?}"
        );
    }

    deployment.caught_up(&history).await;
    let listed = deployment
        .cli(["runs", "list", "--all", "--output", "json"])
        .await
        .json();
    let ended = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["finishedAt"].is_string());
    assert_eq!(
        ended.count(),
        history.runs().len(),
        "the command line shows them"
    );
    deployment.stop_leaving_nothing().await;
}
