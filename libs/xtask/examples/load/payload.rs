//! Payloads of the size and shape that GitHub sends for issues.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// A body and its signature.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) body: Bytes,
    pub(crate) signature: String,
}

impl Signed {
    pub(crate) fn new(secret: &str, body: Vec<u8>) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        mac.update(&body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        Self {
            body: body.into(),
            signature,
        }
    }
}

/// The body of an `issues` event, `bytes` long where that is possible.
pub(crate) fn issue(number: u64, action: &str, label: &str, bytes: usize) -> Vec<u8> {
    let whole = |filler: &str| value(number, action, label, filler).to_string();
    let missing = bytes.saturating_sub(whole("").len());
    let line = "What was seen, what was expected, and how to see it again. ";
    let filler: String = line.chars().cycle().take(missing).collect();
    whole(&filler).into_bytes()
}

fn value(number: u64, action: &str, label: &str, filler: &str) -> Value {
    let repository = json!({
        "id": 186_853_002, "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=", "name": "shop",
        "full_name": "acme/shop", "private": false, "owner": user(1),
        "default_branch": "main", "visibility": "public", "topics": [], "archived": false,
        "urls": urls("repos/acme/shop", 36),
    });
    let mut payload = json!({
        "action": action,
        "issue": {
            "id": 444_500_041 + number, "number": number, "state": "open", "locked": false,
            "title": format!("Spelling error in the README file ({number})"),
            "user": user(2), "assignees": [user(3)], "labels": [named(label)],
            "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z",
            "author_association": "OWNER", "comments": 0, "body": filler,
            "urls": urls(&format!("repos/acme/shop/issues/{number}"), 6),
        },
        "repository": repository,
        "sender": user(2),
    });
    if action == "labeled" {
        payload["label"] = named(label);
    }
    payload
}

fn named(label: &str) -> Value {
    json!({"id": 1_362_934_389, "name": label, "color": "d73a4a", "default": false})
}

fn user(id: u64) -> Value {
    let login = format!("developer-{id}");
    json!({
        "id": id, "login": login, "node_id": "MDQ6VXNlcjIxMDMxMDY3", "type": "User",
        "site_admin": false, "urls": urls(&format!("users/{login}"), 6),
    })
}

fn urls(path: &str, count: usize) -> Value {
    let url = |n| {
        (
            format!("u{n}"),
            json!(format!("https://api.github.com/{path}/{n}{{/id}}")),
        )
    };
    Value::Object((0..count).map(url).collect())
}
