//! What the backend knows of itself.

use maestro_domain::{ExecutorId, Name};

use super::{config::Kubernetes, names::Names};

/// Settings of the backend.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: Kubernetes,
    pub(crate) names: Names,
    pub(crate) executor: ExecutorId,
    /// Pools whose attempts are looked after.
    pub(crate) pools: Vec<Name>,
    /// Seconds between TERM and KILL.
    pub(crate) term_grace_s: u64,
    /// Seconds a Job is kept after its result was stored.
    pub(crate) retention_s: u64,
}
