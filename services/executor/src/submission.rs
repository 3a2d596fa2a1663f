//! Where a start comes from, and what its origin is told.

use maestro_eventlog::Job;
use tokio::sync::oneshot;

/// What became of a start that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// Claimed: it starts, or its end is reported.
    Granted,
    /// The conductor wants no such start (any more).
    Refused,
}

/// A start in hand.
pub(crate) enum Ticket {
    /// From the work queue; delivered again until it is acknowledged.
    Queued(Box<Job>),
    /// From a caller who is waiting.
    Asked(Option<oneshot::Sender<Submitted>>),
}

impl Ticket {
    /// One for a caller, and where to wait.
    pub(crate) fn asked() -> (Self, oneshot::Receiver<Submitted>) {
        let (sender, receiver) = oneshot::channel();
        (Self::Asked(Some(sender)), receiver)
    }

    /// W3C trace context of the decision behind it.
    pub(crate) fn traceparent(&self) -> Option<String> {
        match self {
            Self::Queued(job) => job.traceparent.clone(),
            Self::Asked(_) => None,
        }
    }

    /// Tells a caller what became of it.
    pub(crate) fn tell(&mut self, what: Submitted) {
        if let Self::Asked(waiting) = self
            && let Some(waiting) = waiting.take()
        {
            // The caller may be gone.
            let _ = waiting.send(what);
        }
    }

    /// It is dealt with and need not come again.
    pub(crate) async fn acknowledge(&self) {
        if let Self::Queued(job) = self
            && let Err(error) = job.ack().await
        {
            tracing::debug!(%error, "a run command will come again");
        }
    }
}
