//! Which runs the payloads should start, computed from the raw payloads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use maestro_domain::event::{DecisionReason, VerdictReason};
use maestro_testkit::github::Payload;
use serde_json::Value;

use crate::common::history::History;

/// A trigger, and what it says in a stack.
struct Rule {
    name: &'static str,
    event: &'static str,
    actions: &'static [&'static str],
    labels: &'static [&'static str],
    branches: &'static [&'static str],
    run: &'static str,
}

const fn rule(name: &'static str, event: &'static str, run: &'static str) -> Rule {
    Rule {
        name,
        event,
        actions: &[],
        labels: &[],
        branches: &[],
        run,
    }
}

const RULES: &[Rule] = &[
    rule("issue-any", "issues", "silent"),
    Rule {
        actions: &["labeled"],
        labels: &["bug"],
        ..rule("issue-bug", "issues", "prompted")
    },
    Rule {
        actions: &["labeled"],
        labels: &["run:dev"],
        ..rule("issue-dev", "issues", "silent")
    },
    Rule {
        actions: &["opened", "reopened", "synchronize"],
        branches: &["master"],
        ..rule("pull-request-master", "pull_request", "printing")
    },
    Rule {
        branches: &["develop"],
        ..rule("pull-request-dev", "pull_request", "silent")
    },
    Rule {
        labels: &["bug", "urgent"],
        ..rule("pull-request-bug", "pull_request", "silent")
    },
    Rule {
        branches: &["master"],
        ..rule("push-master", "push", "printing")
    },
    rule("push-any", "push", "silent"),
    Rule {
        actions: &["created"],
        ..rule("comment", "issue_comment", "silent")
    },
    Rule {
        actions: &["published", "released"],
        ..rule("notes", "release", "silent")
    },
    Rule {
        branches: &["changes", "master"],
        ..rule("check", "check_run", "silent")
    },
    rule("dispatch", "repository_dispatch", "silent"),
    rule("member", "member", "silent"),
    rule("team", "team", "silent"),
    rule("item", "projects_v2_item", "silent"),
    rule("ping", "ping", "silent"),
];

/// The stack with these rules.
pub(super) fn stack() -> String {
    let mut text = String::from(
        "apiVersion: maestro.dev/v1\nkind: ServiceStack\nmetadata: {name: examples}\nspec:\n  triggers:\n",
    );
    for Rule {
        name,
        event,
        actions,
        labels,
        branches,
        run,
    } in RULES
    {
        let mut on = format!("event: {event}, actions: {actions:?}, labels: {labels:?}");
        if !branches.is_empty() {
            let _ = write!(on, ", branches: {branches:?}");
        }
        let _ = writeln!(text, "    - {{name: {name}, on: {{{on}}}, run: {run}}}");
    }
    text.push_str(
        r##"  runs:
    silent: {command: ["true"], timeout: 1m}
    printing: {command: [sh, -c, 'echo "for $MAESTRO_REPOSITORY on $ON"'], env: {ON: "{{ maestro.branch }}"}, timeout: 1m}
    prompted: {command: [sh, -c, 'grep -q "issue #" "$MAESTRO_PROMPT_FILE"'], prompt: "issue #{{ issue.number }}", timeout: 1m}
"##,
    );
    text
}

impl Rule {
    fn matches(&self, payload: &Payload, body: &Value) -> bool {
        let action = body["action"].as_str().unwrap_or_default();
        self.event == payload.event
            && (self.actions.is_empty() || self.actions.contains(&action))
            && (self.labels.is_empty() || labels(body).iter().any(|l| self.labels.contains(l)))
            && (self.branches.is_empty()
                || branch(body).is_some_and(|b| self.branches.contains(&b)))
    }
}

/// The label just set or taken away, or else those that are there.
fn labels(body: &Value) -> Vec<&str> {
    if let ("labeled" | "unlabeled", Some(label)) = (
        body["action"].as_str().unwrap_or_default(),
        body["label"]["name"].as_str(),
    ) {
        return vec![label];
    }
    let there = [&body["issue"]["labels"], &body["pull_request"]["labels"]];
    let there = there.into_iter().filter_map(Value::as_array).flatten();
    there.filter_map(|label| label["name"].as_str()).collect()
}

fn branch(body: &Value) -> Option<&str> {
    let pushed = body["ref"]
        .as_str()
        .and_then(|text| text.strip_prefix("refs/heads/"));
    let base = body["pull_request"]["base"]["ref"].as_str();
    pushed
        .or(base)
        .or_else(|| body["check_run"]["check_suite"]["head_branch"].as_str())
}

/// What makes two payloads of an event the same action; `None` where only equal bodies are.
fn same_action(event: &str, id: &str, body: &Value) -> Option<String> {
    let (required, further): (&[&str], &[&str]) = match event {
        "repository_dispatch" => return Some(id.to_owned()),
        "issues" => (
            &["/issue/id", "/action", "/issue/updated_at"],
            &["/label/name", "/assignee/id", "/milestone/id", "/changes"],
        ),
        "pull_request" => (
            &["/pull_request/id", "/action", "/pull_request/updated_at"],
            &[
                "/label/name",
                "/assignee/id",
                "/milestone/id",
                "/requested_reviewer/id",
                "/requested_team/id",
                "/after",
                "/changes",
            ],
        ),
        "push" => (&["/ref", "/after"], &["/before", "/repository/pushed_at"]),
        "issue_comment" => (
            &["/comment/id", "/action", "/comment/updated_at"],
            &["/changes"],
        ),
        "release" => (
            &["/release/id", "/action"],
            &["/release/published_at", "/release/updated_at", "/changes"],
        ),
        "check_run" => (
            &["/check_run/id", "/action", "/check_run/status"],
            &[
                "/check_run/conclusion",
                "/check_run/started_at",
                "/check_run/completed_at",
                "/requested_action/identifier",
            ],
        ),
        _ => return None,
    };
    let field = |pointer: &&str| body.pointer(pointer).filter(|value| !value.is_null());
    let required = required.iter().map(field).collect::<Option<Vec<_>>>()?;
    let further: Vec<_> = further.iter().map(field).collect();
    Some(serde_json::to_string(&(required, further)).unwrap())
}

/// An action as a trigger sees it: trigger, repository, and what makes it the same.
type Action = (&'static str, u64, String);

/// The runs there should be: one for each action, caused by one of its deliveries.
pub(super) struct Expected {
    actions: BTreeMap<Action, BTreeSet<String>>,
    pings: BTreeSet<String>,
}

impl Expected {
    /// Of these payloads by delivery id.
    pub(super) fn of(sent: &BTreeMap<String, Payload>) -> Self {
        let mut actions: BTreeMap<Action, BTreeSet<String>> = BTreeMap::new();
        let mut pings = BTreeSet::new();
        for (id, payload) in sent {
            let body: Value = serde_json::from_slice(&payload.body).unwrap();
            if payload.event == "ping" {
                pings.insert(id.clone());
                continue;
            }
            for rule in RULES.iter().filter(|rule| rule.matches(payload, &body)) {
                let action = same_action(&payload.event, id, &body);
                let action = action.unwrap_or_else(|| serde_json::to_string(&body).unwrap());
                let repository = body["repository"]["id"].as_u64().unwrap_or_default();
                actions
                    .entry((rule.name, repository, action))
                    .or_default()
                    .insert(id.clone());
            }
        }
        Self { actions, pings }
    }

    pub(super) fn runs(&self) -> usize {
        self.actions.len()
    }

    /// Makes sure that the log holds these runs and no other, and says why for each delivery.
    pub(super) fn assert_met_by(&self, history: &History) {
        let mut started: BTreeSet<(String, String)> = BTreeSet::new();
        for story in history.runs().into_values() {
            let run = story.requested.expect("a requested run");
            let once = started.insert((run.trigger.to_string(), run.delivery.to_string()));
            assert!(once, "{} started twice for {}", run.trigger, run.delivery);
        }
        assert_eq!(started.len(), self.actions.len());
        for ((trigger, _, action), deliveries) in &self.actions {
            let by = |id: &&String| started.contains(&((*trigger).to_owned(), (*id).clone()));
            let by: Vec<_> = deliveries.iter().filter(by).collect();
            assert_eq!(
                by.len(),
                1,
                "{trigger} on {action} of {deliveries:?}: started by {by:?}"
            );
        }
        for (id, decided) in history.decisions() {
            self.assert_reason(&id, decided[0].reason);
            for verdict in &decided[0].triggers {
                let runs = started.contains(&(verdict.trigger.to_string(), id.clone()));
                assert_eq!(
                    verdict.reason == VerdictReason::Started,
                    runs,
                    "{id}: {verdict:?}"
                );
            }
        }
    }

    fn assert_reason(&self, id: &str, reason: DecisionReason) {
        let considered = self
            .actions
            .values()
            .any(|deliveries| deliveries.contains(id));
        let fits = match reason {
            DecisionReason::Started | DecisionReason::AlreadyStarted => considered,
            DecisionReason::NoTriggerMatched => !considered && !self.pings.contains(id),
            DecisionReason::Ping => self.pings.contains(id),
            _ => false,
        };
        assert!(fits, "{id}: {reason:?}");
    }
}
