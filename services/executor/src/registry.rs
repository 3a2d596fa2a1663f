//! The executions this executor deals with now.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use maestro_domain::report::Execution;
use tokio_util::sync::CancellationToken;

/// How far an execution is.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Claimed or being created. The token remembers a cancel that came meanwhile.
    Starting(CancellationToken),
    /// The backend has it.
    Live,
    /// It will never start here; its end is being reported.
    Settled,
}

/// Executions by identity. What is not in here is new, or over and reported.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    phases: Mutex<HashMap<Execution, Phase>>,
}

impl Registry {
    /// Enters an execution that is not known yet.
    ///
    /// # Errors
    /// Its phase, when it is known.
    pub(crate) fn enter(&self, execution: Execution, phase: Phase) -> Result<(), Phase> {
        let mut phases = self.lock();
        if let Some(known) = phases.get(&execution) {
            return Err(known.clone());
        }
        phases.insert(execution, phase);
        Self::measure(&phases);
        Ok(())
    }

    pub(crate) fn set(&self, execution: Execution, phase: Phase) {
        self.lock().insert(execution, phase);
    }

    pub(crate) fn leave(&self, execution: Execution) {
        let mut phases = self.lock();
        phases.remove(&execution);
        Self::measure(&phases);
    }

    /// Every execution in any phase.
    pub(crate) fn executions(&self) -> Vec<Execution> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Execution, Phase>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[allow(clippy::cast_precision_loss)]
    fn measure(phases: &HashMap<Execution, Phase>) {
        metrics::gauge!("maestro_executor_executions").set(phases.len() as f64);
    }
}
