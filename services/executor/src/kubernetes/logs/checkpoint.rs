//! How far output was shipped, kept on the Job now and then: a kubelet serves only the newest part
//! of a long log, so the beginning cannot be read again after a restart.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lines::Position;
use crate::kubernetes::names::SHIPPED;

/// A checkpoint is due after so many bytes.
pub(super) const EVERY: u64 = 1024 * 1024;

/// Value of the annotation [`SHIPPED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Bytes of output up to here, as they are in LOGS.
    pub(super) bytes: u64,
    /// Which container, in the order they are read.
    pub(super) container: usize,
    /// The last line within, complete.
    pub(super) position: Position,
}

impl Checkpoint {
    /// The annotation's value; `None` when it cannot be used.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn patch(&self) -> Value {
        let text = serde_json::to_string(self).unwrap_or_default();
        json!({"metadata": {"annotations": {SHIPPED: text}}})
    }
}
