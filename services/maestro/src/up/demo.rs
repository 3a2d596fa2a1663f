//! `--demo`: example payloads of GitHub, signed and posted like the real ones.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::webhook::SignedWebhook;

/// Names the folder of the npm package `@octokit/webhooks-examples`.
pub(crate) const PAYLOADS: &str = "MAESTRO_DEMO_PAYLOADS";

/// Events that the demo's stack listens to, and some that it does not.
const EVENTS: [&str; 8] = [
    "issues",
    "issue_comment",
    "pull_request",
    "push",
    "release",
    "star",
    "fork",
    "workflow_run",
];
const OF_EACH_EVENT: usize = 16;

/// Payloads to post.
pub(crate) struct Demo(Vec<(String, Value)>);

impl Demo {
    /// Reads the package's index.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let Some(folder) = std::env::var_os(PAYLOADS).map(PathBuf::from) else {
            bail!(
                "--demo needs GitHub's example payloads: start it with `bootstrap/up --demo`, or \
                 `npm install @octokit/webhooks-examples` and set {PAYLOADS} to its folder"
            );
        };
        let index = folder.join("api.github.com/index.json");
        let text = fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        let events: Vec<Value> = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not the index of the package", index.display()))?;
        let mut payloads = Vec::new();
        for event in &events {
            let Some(name) = event["name"].as_str().filter(|name| EVENTS.contains(name)) else {
                continue;
            };
            let examples = event["examples"].as_array().into_iter().flatten();
            payloads.extend(
                examples
                    .take(OF_EACH_EVENT)
                    .map(|body| (name.to_owned(), body.clone())),
            );
        }
        Ok(Self(payloads))
    }

    /// The repositories that the payloads are about.
    pub(crate) fn repositories(&self) -> Vec<u64> {
        let ids = self
            .0
            .iter()
            .filter_map(|(_, body)| body["repository"]["id"].as_u64());
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Posts all payloads, each under a fresh delivery id.
    pub(crate) async fn post(&self, url: &str, secret: &str) -> anyhow::Result<usize> {
        let client = reqwest::Client::new();
        for (event, body) in &self.0 {
            let body = serde_json::to_vec(body)?;
            let delivery = uuid::Uuid::new_v4().to_string();
            let webhook = SignedWebhook {
                event,
                delivery: &delivery,
                secret,
                body,
            };
            webhook.post(&client, url).await?.error_for_status()?;
        }
        Ok(self.0.len())
    }
}
