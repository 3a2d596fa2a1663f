//! What executor and shim tell each other through an attempt's folder.

use std::{collections::BTreeMap, io};

use maestro_domain::{
    Name, Timestamp,
    report::{End, Execution},
};
use serde::{Deserialize, Serialize};

use super::procfs;

/// `spec.json`: the attempt as its executor knows it, and what the shim does.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) execution: Execution,
    pub(crate) pool: Name,
    pub(crate) traceparent: Option<String>,
    pub(crate) launch: Launch,
}

/// What the shim does.
#[derive(Serialize, Deserialize)]
pub(crate) struct Launch {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// The whole environment.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) timeout_s: u64,
    /// Between TERM and KILL.
    pub(crate) grace_ms: u64,
}

/// One process, told from a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks between the boot and its start.
    pub(crate) start: u64,
    pub(crate) boot: String,
}

impl ProcessId {
    /// Of a process that is not reaped yet.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let start = procfs::stat(pid)?.start;
        Ok(Self {
            pid,
            start,
            boot: procfs::boot_id()?,
        })
    }
    /// Whether a process of the present boot has this pid without being this process.
    pub(crate) fn reused(&self) -> bool {
        procfs::stat(self.pid).is_ok_and(|now| now.start != self.start)
    }
    /// Whether it lives.
    pub(crate) fn alive(&self) -> bool {
        self.of_this_boot()
            && procfs::stat(self.pid).is_ok_and(|now| now.start == self.start && !now.zombie)
    }
    pub(crate) fn of_this_boot(&self) -> bool {
        procfs::boot_id().is_ok_and(|boot| boot == self.boot)
    }
}

/// `started.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    /// The child, leader of its process group.
    pub(crate) child: ProcessId,
    pub(crate) at: Timestamp,
}

/// `exit.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    #[serde(flatten)]
    pub(crate) end: End,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) at: Timestamp,
}
