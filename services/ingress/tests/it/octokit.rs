//! Deliveries signed by a client library that is not ours.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use reqwest::StatusCode;

use crate::harness::{Harness, SECRET};

const SIGN: &str = r#"
import { readFileSync } from "node:fs";
import { Webhooks } from "@octokit/webhooks";
const webhooks = new Webhooks({ secret: process.env.WEBHOOK_SECRET });
process.stdout.write(await webhooks.sign(readFileSync(0, "utf8")));
"#;

/// The signature that npm's `@octokit/webhooks` gives.
fn sign(body: &str) -> String {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui");
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", SIGN])
        .current_dir(ui)
        .env("WEBHOOK_SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "`npm ci` in services/ui installs it"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_delivery_signed_by_octokit_is_accepted_and_a_changed_one_is_not() {
    let harness = Harness::start().await;
    let body = r#"{"action":"opened","issue":{"title":"Grüße 👋 \" \\ \u0001"}}"#;
    let signature = sign(body);
    let send = async |body: String| {
        let request = harness
            .unsigned("d-1")
            .header("X-Hub-Signature-256", &signature);
        harness.send(request.body(body)).await.status
    };
    let changed = body.replace("opened", "Opened");
    assert_eq!(send(changed).await, StatusCode::UNAUTHORIZED);
    assert_eq!(harness.stored().await, 0);
    assert_eq!(send(body.to_owned()).await, StatusCode::ACCEPTED);
}
