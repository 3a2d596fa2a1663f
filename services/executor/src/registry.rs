//! The executions this executor deals with now.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use maestro_domain::{Name, report::Execution};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How far an execution is.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Claimed, being adopted or created. The token remembers a cancel that came meanwhile.
    Starting(CancellationToken),
    /// The backend has it.
    Live(Live),
    /// It will never start here; its end is being reported.
    Settled,
}

/// An execution that the backend has.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) pool: Name,
    /// Ends its supervision: its lease is not ours any more.
    pub(crate) released: CancellationToken,
    /// The backend was told to end it.
    pub(crate) canceled: bool,
}

/// Executions by identity. What is not in here is new, or over and reported.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    phases: Mutex<HashMap<Execution, Phase>>,
    size: watch::Sender<usize>,
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
        self.measure(&phases);
        Ok(())
    }

    /// The backend has it from now on; the token ends its supervision.
    pub(crate) fn live(&self, execution: Execution, pool: Name) -> CancellationToken {
        let released = CancellationToken::new();
        let live = Live {
            pool,
            released: released.clone(),
            canceled: false,
        };
        let mut phases = self.lock();
        phases.insert(execution, Phase::Live(live));
        self.measure(&phases);
        released
    }

    /// It will not start: its end is going to be reported.
    pub(crate) fn settle(&self, execution: Execution) {
        self.lock().insert(execution, Phase::Settled);
    }

    /// The backend was told to end it.
    pub(crate) fn canceled(&self, execution: Execution) {
        if let Some(Phase::Live(live)) = self.lock().get_mut(&execution) {
            live.canceled = true;
        }
    }

    pub(crate) fn leave(&self, execution: Execution) {
        let mut phases = self.lock();
        phases.remove(&execution);
        self.measure(&phases);
    }

    /// Ends the supervision of a live execution and leaves it out; false when it is not live.
    pub(crate) fn release(&self, execution: Execution) -> bool {
        let mut phases = self.lock();
        let Some(Phase::Live(live)) = phases.get(&execution) else {
            return false;
        };
        live.released.cancel();
        phases.remove(&execution);
        self.measure(&phases);
        true
    }

    /// Every execution of a pool that the backend has.
    pub(crate) fn live_in(&self, pool: &Name) -> Vec<Execution> {
        let phases = self.lock();
        let live = phases.iter().filter(|(_, phase)| match phase {
            Phase::Live(live) => live.pool == *pool,
            Phase::Starting(_) | Phase::Settled => false,
        });
        live.map(|(execution, _)| *execution).collect()
    }

    /// Every execution with its phase.
    pub(crate) fn all(&self) -> Vec<(Execution, Phase)> {
        let phases = self.lock();
        phases
            .iter()
            .map(|(execution, phase)| (*execution, phase.clone()))
            .collect()
    }

    /// Waits until there is no execution.
    pub(crate) async fn emptied(&self) {
        // The sender lives as long as `self`.
        let _ = self.size.subscribe().wait_for(|size| *size == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Execution, Phase>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[allow(clippy::cast_precision_loss)]
    fn measure(&self, phases: &HashMap<Execution, Phase>) {
        self.size.send_replace(phases.len());
        metrics::gauge!("maestro_executor_executions").set(phases.len() as f64);
    }
}
