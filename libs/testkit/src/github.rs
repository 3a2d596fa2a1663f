//! What GitHub sends: signatures and example payloads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

const EXAMPLES: &str =
    "services/ui/node_modules/@octokit/webhooks-examples/api.github.com/index.json";

/// An example of a webhook's body.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The value of `X-GitHub-Event`.
    pub event: String,
    /// `event` or `event.action`, and the number of the example.
    pub name: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The value of `X-Hub-Signature-256` for `body`.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length of key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// The `api.github.com` example payloads of the npm package `@octokit/webhooks-examples`.
///
/// # Panics
/// When the UI's node packages are not installed.
#[must_use]
pub fn payloads() -> Vec<Payload> {
    let path = root().join(EXAMPLES);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `npm ci` in services/ui", path.display()));
    let groups: Vec<Value> = serde_json::from_str(&text).expect("a list of examples");
    groups.iter().flat_map(payloads_of).collect()
}

fn payloads_of(group: &Value) -> Vec<Payload> {
    let event = group["name"].as_str().expect("the event's name");
    let examples = group["examples"].as_array().expect("the event's examples");
    let examples = (1..).zip(examples);
    examples
        .map(|(number, example)| {
            let action = example["action"]
                .as_str()
                .map(|action| format!(".{action}"));
            Payload {
                event: event.to_owned(),
                name: format!("{event}{} {number}", action.unwrap_or_default()),
                body: serde_json::to_vec(example).expect("JSON"),
            }
        })
        .collect()
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("libs/testkit is two levels down")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_github_documents() {
        let signature = sign("It's a Secret to Everybody", b"Hello, World!");
        assert_eq!(
            signature,
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    #[test]
    fn all_examples_are_there() {
        let payloads = payloads();
        assert_eq!(payloads.len(), 329);
        assert!(
            payloads
                .iter()
                .any(|payload| payload.event == "issues"
                    && payload.name.starts_with("issues.labeled"))
        );
    }
}
