//! What the stored log may say, and no more: an observer that knows nothing of the core's state.

mod executors;
mod slots;

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{
    Commit, DeliveryId, Digest, Event, ExecutorId, Name, ProjectId, RunId, Timestamp,
    core::{CLOCK, COMMANDS, DELIVERIES, TAKEOVER},
    event::{RunRequested, RunResult},
    report::Execution,
    state::{OUTCOME_MEMORY, STARTED_MEMORY},
};

use self::{executors::Member, slots::Lease};

pub(crate) type PoolKey = (ProjectId, Name);

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    n: u64,
    at: Timestamp,
    epoch: u64,
    causes: BTreeSet<(String, u64)>,
    keys: BTreeMap<String, Timestamp>,
    deliveries: BTreeMap<DeliveryId, (u64, Timestamp)>,
    natural_keys: BTreeMap<Digest, Timestamp>,
    /// In the order they were requested.
    pub(crate) runs: Vec<RunId>,
    pub(crate) ended: BTreeMap<RunId, RunResult>,
    /// Sizes of each pool, with the commit that set them.
    sizes: BTreeMap<PoolKey, Vec<(u64, u32)>>,
    paused: BTreeSet<PoolKey>,
    /// By their first token.
    pub(crate) leases: BTreeMap<u64, Lease>,
    /// The first token of each lease by every token it had.
    first_tokens: BTreeMap<u64, u64>,
    members: BTreeMap<ExecutorId, Member>,
    /// As they were requested.
    pub(crate) requests: BTreeMap<RunId, RunRequested>,
    pub(crate) executions: Vec<Execution>,
    /// Attempts that ended with exit code 0.
    pub(crate) succeeded: BTreeSet<(RunId, u32)>,
}

impl Ledger {
    /// One more commit is stored.
    pub(crate) fn append(&mut self, commit: &Commit) {
        assert_eq!(commit.n, self.n + 1, "a gap in the log");
        assert!(commit.at >= self.at, "time ran backwards");
        assert!(commit.epoch >= self.epoch, "an old epoch");
        (self.n, self.at, self.epoch) = (commit.n, commit.at, commit.epoch);
        self.cause(commit);
        for event in commit.events() {
            self.not_after_the_end(event);
            self.of_an_executor(event);
            self.of_a_slot(event);
            self.event(event);
        }
    }

    fn cause(&mut self, commit: &Commit) {
        let cause = &commit.cause;
        if [CLOCK, TAKEOVER].contains(&cause.stream.as_str()) {
            return;
        }
        let new = self.causes.insert((cause.stream.clone(), cause.seq));
        assert!(new, "two commits for {cause:?}");
        if let (COMMANDS, Some(key)) = (cause.stream.as_str(), &cause.id) {
            let before = self.keys.insert(key.clone(), self.at);
            let forgotten = before.is_none_or(|at| self.at >= at.after(OUTCOME_MEMORY));
            assert!(forgotten, "two commits for the command {key}");
        }
    }

    /// I-4: nothing but its slot is heard of an ended run.
    fn not_after_the_end(&self, event: &Event) {
        let slot = matches!(
            event,
            Event::SlotReleasing { .. }
                | Event::SlotLeaseMoved { .. }
                | Event::SlotLeaseAdopted { .. }
                | Event::SlotReleased { .. }
        );
        let again = matches!(event, Event::RunRequested(_));
        if let Some(run) = event.run().filter(|_| !slot && !again) {
            assert!(!self.ended.contains_key(&run), "{event:?} after the end");
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::RunRequested(requested) => self.requested(requested),
            Event::RunDispatched {
                run,
                attempt,
                token,
                ..
            } => {
                assert!(*attempt <= 3, "attempt {attempt}");
                self.executions.push(Execution {
                    run: *run,
                    attempt: *attempt,
                    token: *token,
                });
            }
            Event::RunFinished(finished) => {
                let attempt = (finished.run, finished.attempt);
                if finished.result == RunResult::Succeeded {
                    assert!(
                        self.succeeded.contains(&attempt),
                        "{finished:?} without evidence"
                    );
                }
                self.ended.insert(finished.run, finished.result);
            }
            _ => {}
        }
    }

    /// I-2, as long as the design says that ids and natural keys are remembered.
    fn requested(&mut self, requested: &RunRequested) {
        let forgotten = |at: Timestamp| self.at >= at.after(STARTED_MEMORY);
        let of_delivery = self
            .deliveries
            .insert(requested.delivery.clone(), (self.n, self.at));
        if let Some((n, at)) = of_delivery.filter(|_| requested.retry_of.is_none()) {
            let delivery = &requested.delivery;
            assert!(
                n == self.n || forgotten(at),
                "a second set of runs for {delivery}"
            );
        }
        let of_action = self.natural_keys.insert(requested.natural_key, self.at);
        assert!(
            of_action.is_none_or(forgotten),
            "a second run for one action"
        );
        let again = self.ended.remove(&requested.run).is_some();
        assert_eq!(
            again,
            self.runs.contains(&requested.run),
            "a live run is requested again"
        );
        if !again {
            self.runs.push(requested.run);
        }
        self.requests.insert(requested.run, requested.clone());
    }

    /// Whether each of the first `last` deliveries was decided in a commit of its own.
    pub(crate) fn decided_all(&self, last: u64) -> bool {
        (1..=last).all(|seq| self.causes.contains(&(DELIVERIES.to_owned(), seq)))
    }
}
