//! A real Chromium in front of the real thing.

use std::time::Duration;

use crate::common::{Setup, Topology, node};

const WITHIN: Duration = Duration::from_secs(240);

/// What `services/ui/e2e/browser.mjs` needs.
const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: browser}
spec:
  triggers:
    - {name: agent-dev, on: {event: issues, actions: [labeled], labels: ["run:dev"]}, run: agent}
    - {name: slow, on: {event: issues, actions: [labeled], labels: ["run:slow"]}, run: slow}
  runs:
    agent:
      command: [sh, -c, 'echo "Reading issue #$NUMBER"; cat "$MAESTRO_PROMPT_FILE"; echo; sleep 1; echo "Two files changed"; sleep 1; echo "42 tests passed"']
      env: {NUMBER: "{{ issue.number }}"}
      prompt: "Implement issue #{{ issue.number }}: {{ issue.title }}"
      timeout: 5m
    slow:
      command: [sh, -c, 'echo "This takes a while"; exec sleep 300']
      timeout: 10m
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_runs_appear_and_steers_them() {
    let built = node::ui().join("dist/index.html");
    assert!(
        built.is_file(),
        "{} is missing: run `npm run build` in services/ui",
        built.display()
    );
    let deployment = Setup::new(Topology::Up).stack(STACK).start().await;
    let link = deployment.cli(["login-link"]).await.text();
    let screenshots = node::root()
        .join("target/screenshots")
        .display()
        .to_string();
    let secret_file = deployment.at.webhook_secret_file.display().to_string();
    let environment = [
        ("MAESTRO_UI", deployment.at.ui.as_str()),
        ("MAESTRO_LOGIN", link.trim()),
        ("MAESTRO_WEBHOOK", &deployment.at.webhook),
        ("MAESTRO_WEBHOOK_SECRET_FILE", &secret_file),
        ("SCREENSHOTS", &screenshots),
    ];
    if let Err(failed) = node::run(&["e2e/browser.mjs"], &environment, &[], WITHIN).await {
        panic!(
            "{failed}\n{}",
            deployment.cli(["runs", "list"]).await.text()
        );
    }
    deployment.stop_leaving_nothing().await;
}
