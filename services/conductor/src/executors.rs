//! What a leader does about executors that live, and about those that may not.

use maestro_domain::{ExecutorId, core::Input, state::Standing};
use maestro_eventlog::Heartbeat;
use tokio::time::Instant;

use crate::{error::Error, lead::Leader, pipeline::Work};

/// Decisions about one silent executor in a row at most; the next look goes on.
const IN_A_ROW: usize = 1_000;

impl Leader<'_> {
    /// Takes note of a heartbeat and answers it, after everything decided so far is stored.
    pub(crate) async fn heartbeat(&mut self, heartbeat: Heartbeat) -> Result<(), Error> {
        let Heartbeat { executor, reply_to } = heartbeat;
        self.roster.heard(executor, Instant::now());
        if self.core.state().standing(executor) == Some(Standing::Silent) {
            tracing::info!(executor.id = %executor, "a silent executor is heard again");
            let heard = Input::Heard { executor };
            self.decide(None, &heard, None, None).await?;
        }
        let orders = self.roster.orders(self.core.state(), executor);
        let work = Work {
            reply_to: Some(reply_to),
            orders: Some(orders),
            ..Work::default()
        };
        self.send(work).await;
        Ok(())
    }

    /// Looks for executors that are away.
    pub(crate) async fn look(&mut self) -> Result<(), Error> {
        let silent = self.roster.look(self.core.state(), Instant::now());
        self.measure();
        for (executor, lasting) in silent {
            if self.core.state().counts_on(executor) && !self.is_silent(executor) {
                let seconds = lasting.as_secs();
                tracing::warn!(executor.id = %executor, seconds, "nothing is heard of an executor");
                metrics::counter!("maestro_conductor_executors_silent_total").increment(1);
            }
            let silent = Input::Silent { executor, lasting };
            for _ in 0..IN_A_ROW {
                if !self.decide(None, &silent, None, None).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_silent(&self, executor: ExecutorId) -> bool {
        self.core.state().standing(executor) == Some(Standing::Silent)
    }

    fn measure(&self) {
        let standings = self.core.state().executors.values();
        let (away, there): (Vec<_>, Vec<_>) =
            standings.partition(|executor| executor.standing.is_away());
        metrics::gauge!("maestro_executors", "standing" => "there").set(there.len() as f64);
        metrics::gauge!("maestro_executors", "standing" => "away").set(away.len() as f64);
    }
}
