//! What identifies the action behind a delivery, whatever delivery brings it: GitHub can send one
//! action under several delivery ids, and the delivery id is not signed.

use maestro_domain::{Digest, ids::DeliveryId};
use serde_json::Value;

/// Fields that together name one action of some events.
struct Key {
    events: &'static [&'static str],
    /// Without one of these the key says too little.
    required: &'static [&'static str],
    /// Tell apart what the required ones leave equal, within the same second for example.
    further: &'static [&'static str],
}

const KEYS: &[Key] = &[
    Key {
        events: &["issues"],
        required: &["/issue/id", "/action", "/issue/updated_at"],
        further: &["/label/name", "/assignee/id", "/milestone/id", "/changes"],
    },
    Key {
        events: &["pull_request"],
        required: &["/pull_request/id", "/action", "/pull_request/updated_at"],
        further: &[
            "/label/name",
            "/assignee/id",
            "/milestone/id",
            "/requested_reviewer/id",
            "/requested_team/id",
            "/after",
            "/changes",
        ],
    },
    Key {
        events: &["discussion"],
        required: &["/discussion/id", "/action", "/discussion/updated_at"],
        further: &["/label/name", "/answer/id", "/changes"],
    },
    Key {
        events: &[
            "issue_comment",
            "pull_request_review_comment",
            "commit_comment",
            "discussion_comment",
        ],
        required: &["/comment/id", "/action", "/comment/updated_at"],
        further: &["/changes"],
    },
    Key {
        events: &["pull_request_review"],
        required: &["/review/id", "/action", "/review/submitted_at"],
        further: &["/review/state", "/review/updated_at", "/changes"],
    },
    Key {
        events: &["pull_request_review_thread"],
        required: &["/thread/node_id", "/action", "/pull_request/updated_at"],
        further: &["/updated_at"],
    },
    Key {
        events: &["push"],
        required: &["/ref", "/after"],
        further: &["/before", "/repository/pushed_at"],
    },
    Key {
        events: &["create", "delete"],
        required: &["/ref", "/ref_type", "/repository/pushed_at"],
        further: &[],
    },
    Key {
        events: &["check_run"],
        required: &["/check_run/id", "/action", "/check_run/status"],
        further: &[
            "/check_run/conclusion",
            "/check_run/started_at",
            "/check_run/completed_at",
            "/requested_action/identifier",
        ],
    },
    Key {
        events: &["check_suite"],
        required: &["/check_suite/id", "/action", "/check_suite/status"],
        further: &["/check_suite/conclusion", "/check_suite/updated_at"],
    },
    Key {
        events: &["workflow_run"],
        required: &["/workflow_run/id", "/action", "/workflow_run/status"],
        further: &["/workflow_run/conclusion", "/workflow_run/run_attempt"],
    },
    Key {
        events: &["workflow_job"],
        required: &["/workflow_job/id", "/action", "/workflow_job/status"],
        further: &["/workflow_job/conclusion", "/workflow_job/run_attempt"],
    },
    Key {
        events: &["release"],
        required: &["/release/id", "/action"],
        further: &["/release/published_at", "/release/updated_at", "/changes"],
    },
    Key {
        events: &["milestone"],
        required: &["/milestone/id", "/action", "/milestone/updated_at"],
        further: &["/changes"],
    },
    Key {
        events: &["merge_group"],
        required: &["/merge_group/head_sha", "/action"],
        further: &["/reason"],
    },
    Key {
        events: &["star"],
        required: &["/sender/id", "/action", "/starred_at"],
        further: &[],
    },
    Key {
        events: &["status"],
        required: &["/id"],
        further: &[],
    },
    Key {
        events: &["deployment"],
        required: &["/deployment/id", "/action"],
        further: &[],
    },
    Key {
        events: &["deployment_status"],
        required: &["/deployment_status/id", "/action"],
        further: &[],
    },
    Key {
        events: &["fork"],
        required: &["/forkee/id"],
        further: &[],
    },
];

/// People and programs send these at will, and nothing in them tells a second one from the first.
const AT_WILL: [&str; 2] = ["repository_dispatch", "workflow_dispatch"];

/// The parts, beginning with event and repository; empty when only the body's digest can tell.
pub(super) fn identity(event: &str, id: &DeliveryId, payload: &Value) -> Vec<String> {
    if AT_WILL.contains(&event) {
        return vec![event.to_owned(), id.to_string()];
    }
    let Some(key) = KEYS.iter().find(|key| key.events.contains(&event)) else {
        return Vec::new();
    };
    let filled = |field: &&str| payload.pointer(field).is_some_and(|value| !value.is_null());
    if !key.required.iter().all(filled) {
        return Vec::new();
    }
    let mut parts = vec![event.to_owned(), part(payload.pointer("/repository/id"))];
    let fields = key.required.iter().chain(key.further);
    parts.extend(fields.map(|field| part(payload.pointer(field))));
    parts
}

/// Longest part written out, in bytes; longer ones are digested.
const MAX_PART: usize = 256;

fn part(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.len() <= MAX_PART {
        text
    } else {
        Digest::of(text.as_bytes()).to_string()
    }
}
