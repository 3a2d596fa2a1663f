//! GitHub's own example payloads, as the npm package `@octokit/webhooks-examples` collects them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use maestro_domain::{DeliveryFacts, Timestamp, ids::Provider};
use maestro_forge::{Encoding, Outline, Received, Source, source};
use serde_json::Value;

fn github() -> &'static dyn Source {
    let provider: Provider = "github".parse().unwrap();
    source(&provider).unwrap()
}

/// Event name and payload of every example.
fn examples() -> Vec<(String, Value)> {
    maestro_testkit::github::payloads()
        .into_iter()
        .map(|example| {
            (
                example.event,
                serde_json::from_slice(&example.body).unwrap(),
            )
        })
        .collect()
}

fn reduce(event: &str, body: &[u8]) -> DeliveryFacts {
    github()
        .reduce(&Received {
            id: &"d-1".parse().unwrap(),
            event,
            encoding: Encoding::Json,
            body,
            received_at: Timestamp::from_millis(0),
        })
        .unwrap_or_else(|error| panic!("{event}: {error}"))
}

#[test]
fn every_example_is_reduced() {
    let examples = examples();
    assert_eq!(examples.len(), 329);
    for (event, payload) in examples {
        let body = payload.to_string();
        let outline = github().outline(Encoding::Json, body.as_bytes()).unwrap();
        let facts = reduce(&event, body.as_bytes());

        assert_eq!(facts.action.as_deref(), payload["action"].as_str());
        let login = facts.sender.map(|sender| sender.login);
        assert_eq!(login.as_deref(), payload["sender"]["login"].as_str());
        let full_name = facts.repository.map(|repository| repository.full_name);
        assert_eq!(
            full_name.as_deref(),
            payload["repository"]["full_name"].as_str()
        );
        assert_eq!(outline, named(full_name.as_deref()));
        if body.len() <= 64 * 1024 {
            assert_eq!(facts.payload, payload, "{event}: cut although it fits");
        }
    }
}

fn named(full_name: Option<&str>) -> Outline {
    let names = full_name.and_then(|full_name| full_name.split_once('/'));
    Outline {
        repository: names.map(|(owner, name)| (owner.to_owned(), name.to_owned())),
    }
}

/// The collection shows some actions more than once: as a repository, an organization and an app
/// get them. Those share their identity, and only those.
#[test]
fn one_identity_is_one_action() {
    let mut seen = BTreeMap::new();
    let mut identified = 0;
    for (event, payload) in examples() {
        let facts = reduce(&event, payload.to_string().as_bytes());
        if facts.identity.is_empty() || event.ends_with("_dispatch") {
            continue;
        }
        identified += 1;
        let action = (
            facts.action,
            facts.number,
            facts.label,
            facts.commit,
            facts.paths,
            payload["changes"].clone(),
        );
        let first = seen.entry(facts.identity).or_insert_with(|| action.clone());
        assert!(*first == action, "{event}: {:?}", action.0);
    }
    assert_eq!((identified, seen.len()), (187, 98));
}

fn first(event: &str, action: Option<&str>) -> DeliveryFacts {
    let (_, payload) = examples()
        .into_iter()
        .find(|(name, payload)| name == event && payload["action"].as_str() == action)
        .unwrap_or_else(|| panic!("no example of {event}"));
    reduce(event, payload.to_string().as_bytes())
}

#[test]
fn a_label_on_an_issue() {
    let facts = first("issues", Some("labeled"));
    assert_eq!(facts.number, Some(1));
    assert_eq!(facts.label.as_deref(), Some("bug"));
    assert_eq!(facts.labels, ["bug"]);
    assert_eq!((facts.branch, facts.commit), (None, None));
    let repository = facts.repository.unwrap();
    assert_eq!(repository.reference.id, 186_853_002);
    assert_eq!(repository.default_branch.as_deref(), Some("master"));
    assert_eq!(
        facts.identity,
        [
            "issues",
            "186853002",
            "444500041",
            "labeled",
            "2019-05-15T15:20:18Z",
            "bug",
            "",
            "",
            ""
        ]
    );
}

#[test]
fn branches_commits_and_paths() {
    let examples = examples();
    let pushes: Vec<_> = examples
        .iter()
        .filter(|(event, _)| event == "push")
        .collect();
    let facts: Vec<_> = pushes
        .iter()
        .map(|(event, payload)| (reduce(event, payload.to_string().as_bytes()), payload))
        .collect();
    let tag = &facts
        .iter()
        .find(|(_, it)| it["ref"] == "refs/tags/simple-tag")
        .unwrap()
        .0;
    assert_eq!(tag.branch, None);
    let (branch, payload) = facts.iter().find(|(it, _)| !it.paths.is_empty()).unwrap();
    assert_eq!(
        payload["ref"],
        format!("refs/heads/{}", branch.branch.as_ref().unwrap())
    );
    assert_eq!(branch.commit.as_deref(), payload["after"].as_str());

    let pull = first("pull_request", Some("opened"));
    assert_eq!(
        (pull.branch.as_deref(), pull.number),
        (Some("master"), Some(2))
    );
    assert!(pull.commit.is_some());
    assert_eq!(
        first("workflow_run", Some("completed")).branch.as_deref(),
        Some("main")
    );
}
