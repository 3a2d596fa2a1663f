//! What an event is about: its branch, commit, number and labels.

use serde_json::Value;

use super::field;
use crate::error::ReduceError;

/// The branch pushed, created or deleted, the base of a pull request or merge queue entry, or the
/// one a check or workflow ran for.
pub(super) fn branch(event: &str, payload: &Value) -> Result<Option<String>, ReduceError> {
    let head = |text: Option<String>| {
        text.and_then(|text| text.strip_prefix("refs/heads/").map(ToOwned::to_owned))
    };
    match event {
        "push" | "workflow_dispatch" => Ok(head(field::text(payload, "/ref")?)),
        "create" | "delete" => {
            let named = field::text(payload, "/ref")?;
            let kind = field::text(payload, "/ref_type")?;
            Ok(named.filter(|_| kind.as_deref() == Some("branch")))
        }
        "merge_group" => Ok(head(field::text(payload, "/merge_group/base_ref")?)),
        "repository_dispatch" => field::text(payload, "/branch"),
        "check_run" => field::text(payload, "/check_run/check_suite/head_branch"),
        "check_suite" => field::text(payload, "/check_suite/head_branch"),
        "workflow_run" => field::text(payload, "/workflow_run/head_branch"),
        "workflow_job" => field::text(payload, "/workflow_job/head_branch"),
        _ => field::text(payload, "/pull_request/base/ref"),
    }
}

/// The commit in hex; `None` for a deleted branch and for what is about no commit.
pub(super) fn commit(event: &str, payload: &Value) -> Result<Option<String>, ReduceError> {
    let sha = match event {
        "push" => match field::text(payload, "/head_commit/id")? {
            Some(commit) => Some(commit),
            None => field::text(payload, "/after")?,
        },
        "status" => field::text(payload, "/sha")?,
        "check_run" => field::text(payload, "/check_run/head_sha")?,
        "check_suite" => field::text(payload, "/check_suite/head_sha")?,
        "workflow_run" => field::text(payload, "/workflow_run/head_sha")?,
        "workflow_job" => field::text(payload, "/workflow_job/head_sha")?,
        "deployment" | "deployment_status" => field::text(payload, "/deployment/sha")?,
        "merge_group" => field::text(payload, "/merge_group/head_sha")?,
        "commit_comment" => field::text(payload, "/comment/commit_id")?,
        "code_scanning_alert" => field::text(payload, "/commit_oid")?,
        _ => field::text(payload, "/pull_request/head/sha")?,
    };
    Ok(sha.filter(|sha| names_a_commit(sha)))
}

fn names_a_commit(sha: &str) -> bool {
    matches!(sha.len(), 40 | 64)
        && sha.bytes().all(|byte| byte.is_ascii_hexdigit())
        && sha.bytes().any(|byte| byte != b'0')
}

/// What carries number and labels, by its place in the payload.
const NUMBERED: [(&str, &str); 3] = [
    ("/issue/number", "/issue/labels"),
    ("/pull_request/number", "/pull_request/labels"),
    ("/discussion/number", "/discussion/labels"),
];

/// Number of the issue, pull request or discussion.
pub(super) fn number(payload: &Value) -> Result<Option<u64>, ReduceError> {
    for (pointer, _) in NUMBERED {
        if let Some(number) = field::number(payload, pointer)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// The label just added or removed.
pub(super) fn label(action: Option<&str>, payload: &Value) -> Result<Option<String>, ReduceError> {
    match action {
        Some("labeled" | "unlabeled") => field::text(payload, "/label/name"),
        _ => Ok(None),
    }
}

/// GitHub allows 100 labels on an issue.
const MAX_LABELS: usize = 100;

/// Labels of the issue, pull request or discussion now.
pub(super) fn labels(payload: &Value) -> Result<Vec<String>, ReduceError> {
    let mut names = Vec::new();
    for (_, pointer) in NUMBERED {
        for label in field::array(payload, pointer)? {
            names.push(field::short(&label["name"], pointer)?);
        }
    }
    names.truncate(MAX_LABELS);
    Ok(names)
}
