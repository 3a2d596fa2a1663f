//! Looking for secrets where they must not be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use maestro_domain::RunId;
use maestro_eventlog::{EventLog, Stream};
use maestro_testkit::otlp::Collector;

use crate::common::{Deployment, history::messages};

/// What must appear nowhere, by what it is.
pub(super) struct Planted(Vec<(&'static str, String)>);

impl Planted {
    /// The secrets of a deployment and those of a run; signs in and out on the way.
    pub(super) async fn of(deployment: &mut Deployment, of_run: &str) -> Self {
        let read = |name: &str| {
            let text = fs::read_to_string(deployment.data().join(name)).unwrap();
            text.trim().to_owned()
        };
        let password = |url: &str| {
            let (credentials, _) = url.split_once('@').expect("a URL with a password");
            credentials.rsplit(':').next().unwrap().to_owned()
        };
        let keys: serde_json::Value = serde_json::from_str(&read("keys/vault.json")).unwrap();
        let link = deployment.cli(["login-link"]).await.text();
        let code = link.trim().split_once('#').expect("a code").1.to_owned();
        let session = sign_in(deployment, &code).await;
        Self(vec![
            ("the webhook secret", deployment.secret.clone()),
            ("the operator's token", read("operator.token")),
            ("the broker's password", password(&deployment.at.nats)),
            ("the database's password", password(&deployment.at.postgres)),
            (
                "the vault's key",
                keys["keys"][0]["secret"].as_str().unwrap().to_owned(),
            ),
            ("a login code", code),
            ("a session", session),
            ("a run's secret", of_run.to_owned()),
        ])
    }

    #[track_caller]
    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            let secret = secret.as_bytes();
            assert!(secret.len() >= 16, "{what} is too short to look for");
            let found = bytes
                .windows(secret.len())
                .position(|window| window == secret);
            let around = |at: usize| {
                let start = at.saturating_sub(80);
                String::from_utf8_lossy(&bytes[start..at]).into_owned()
            };
            assert!(
                found.is_none(),
                "{what} is in {place}, after: {}",
                around(found.unwrap())
            );
        }
    }

    pub(super) fn assert_in_no_output(&self, printed: &BTreeMap<&'static str, String>) {
        for (output, text) in printed {
            self.assert_absent(&format!("the run's {output}"), text.as_bytes());
        }
        assert!(
            printed["stdout"].contains("\ntoken "),
            "what is masked was printed: {printed:?}"
        );
    }

    pub(super) async fn assert_in_no_answer(
        &self,
        deployment: &Deployment,
        run: RunId,
        delivery: &str,
    ) {
        let run = run.to_string();
        for call in [
            &["runs", "list"][..],
            &["runs", "show", &run],
            &["runs", "logs", &run],
            &["deliveries", "list"],
            &["deliveries", "show", delivery],
            &["slots", "list"],
            &["status"],
            &["doctor"],
            &["tail", "--no-follow"],
        ] {
            let call = call.iter().copied().chain(["--output", "json"]);
            let answer = deployment.cli(call.clone()).await;
            let place = format!("the answer to {:?}", call.collect::<Vec<_>>());
            assert_eq!(answer.code(), Some(0), "{place}: {}", answer.err());
            self.assert_absent(
                &place,
                format!("{}{}", answer.out(), answer.err()).as_bytes(),
            );
        }
        let metrics = deployment
            .http
            .get(format!("{}/metrics", deployment.at.ui))
            .send()
            .await;
        let metrics = metrics.unwrap().text().await.unwrap();
        assert!(metrics.contains("maestro_webhooks_total"), "{metrics}");
        self.assert_absent("the metrics", metrics.as_bytes());
    }

    /// What is stored by what it is sent: subjects and payloads of every stream.
    pub(super) async fn assert_in_no_stream(&self, log: &EventLog) {
        for stream in Stream::ALL {
            for message in messages(log, stream).await {
                let place = format!("{stream} {}", message.seq);
                self.assert_absent(&place, message.subject.as_bytes());
                self.assert_absent(&place, &message.payload);
            }
        }
    }

    pub(super) fn assert_in_no_span(&self, collector: &Collector) {
        for span in collector.spans() {
            self.assert_absent("a span", format!("{span:?}").as_bytes());
        }
        for metric in collector.metrics() {
            self.assert_absent("a metric", format!("{metric:?}").as_bytes());
        }
    }

    /// The log lines, and what broker and Postgres wrote to disk.
    pub(super) fn assert_in_no_file(&self, deployment: &Deployment) {
        let mut files = Vec::new();
        for folder in ["data/nats/jetstream", "data/postgres", "logs"] {
            collect(&deployment.scratch.path().join(folder), &mut files);
        }
        assert!(
            files.len() > 100,
            "looks in the wrong place: {} files",
            files.len()
        );
        let kept_there = |path: &Path| {
            // The file that the server's own password is in, and what `maestro up` prints for people.
            path.ends_with("endpoint.json") || path.extension().is_some_and(|end| end == "out")
        };
        let mut lines = 0;
        for path in files.iter().filter(|path| !kept_there(path)) {
            let bytes = fs::read(path).unwrap();
            if path.extension().is_some_and(|end| end == "log")
                && path.to_string_lossy().contains("/logs/")
            {
                lines += bytes.iter().filter(|byte| **byte == b'\n').count();
            }
            self.assert_absent(&path.display().to_string(), &bytes);
        }
        let of_run = deployment.data().join("executor/attempts");
        let mut raw = Vec::new();
        collect(&of_run, &mut raw);
        let raw = raw
            .iter()
            .find(|path| path.ends_with("stdout"))
            .expect("the run's own output");
        let secret = &self.0.last().unwrap().1;
        assert!(
            fs::read_to_string(raw).unwrap().contains(secret),
            "it did print its secret"
        );
        assert!(lines > 100, "debug logs have many lines, not {lines}");
    }
}

/// Signs in with a login code; returns the session's token.
async fn sign_in(deployment: &Deployment, code: &str) -> String {
    let answer = deployment
        .http
        .post(format!("{}/api/v1/login", deployment.at.ui))
        .header("origin", &deployment.at.ui)
        .json(&serde_json::json!({ "code": code }))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
    value.to_owned()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}
