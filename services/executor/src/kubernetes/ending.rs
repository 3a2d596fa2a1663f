//! Why Maestro itself ends an attempt: kept on the Job, so that it survives the executor.

use maestro_domain::{Timestamp, report::End};
use serde::{Deserialize, Serialize};

use super::names::ENDING;

/// Value of the annotation [`ENDING`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// What is reported once nothing of the attempt lives.
    #[serde(flatten)]
    pub(crate) end: End,
    /// When it was decided. A result from before stays the result.
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Ending {
    /// The annotation's value; `None` when it is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A merge patch that ends a Job for good: the Job controller ends the pods of a suspended Job
    /// gracefully and creates none, and the Job stays to be read.
    pub(crate) fn patch(&self) -> serde_json::Value {
        let text = serde_json::to_string(self).unwrap_or_default();
        serde_json::json!({
            "metadata": {"annotations": {ENDING: text}},
            "spec": {"suspend": true},
        })
    }
}
