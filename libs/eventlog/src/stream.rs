//! The streams.

use std::fmt;

/// A stream of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Webhooks as received.
    Deliveries,
    /// What staff and the command line ask for.
    Commands,
    /// What executors and effect workers saw.
    Reports,
    /// Commits: the only truth.
    Events,
    /// Work queue of the executors.
    RunCommands,
    /// Work queue of the effect workers.
    Effects,
    /// Output of runs.
    Logs,
    /// Work given up on.
    Parked,
    /// What was signed about EVENTS.
    Checkpoints,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Deliveries,
        Self::Commands,
        Self::Reports,
        Self::Events,
        Self::RunCommands,
        Self::Effects,
        Self::Logs,
        Self::Parked,
        Self::Checkpoints,
    ];

    /// Its name, as cursors hold it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deliveries => "DELIVERIES",
            Self::Commands => "COMMANDS",
            Self::Reports => "REPORTS",
            Self::Events => "EVENTS",
            Self::RunCommands => "RUN_COMMANDS",
            Self::Effects => "EFFECTS",
            Self::Logs => "LOGS",
            Self::Parked => "PARKED",
            Self::Checkpoints => "CHECKPOINTS",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a stream holds, as its leader says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Id given when the stream was created.
    pub incarnation: String,
    /// Sequence of the oldest message kept; `last_seq + 1` when there is none.
    pub first_seq: u64,
    /// Sequence of the newest message ever stored; 0 when there was none.
    pub last_seq: u64,
    /// Messages kept.
    pub messages: u64,
    /// Bytes kept, headers included.
    pub bytes: u64,
}
