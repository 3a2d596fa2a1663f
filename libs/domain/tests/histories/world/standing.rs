//! Executors that come, fall silent and go, and the time that passes meanwhile.

use super::*;

impl World {
    pub(super) fn stand(&mut self, op: &Op) {
        match *op {
            Op::Crash { executor, how } => {
                let index = self.executor(executor);
                self.finish_creating(index);
                self.executors[index].crash(how, &mut self.children);
            }
            Op::Up { executor } => {
                let index = self.executor(executor);
                self.executors[index].start(&self.children);
            }
            Op::Link { executor, how } => {
                let index = self.executor(executor);
                let links = [Link::Open, Link::Cut, Link::Mute, Link::Deaf];
                self.executors[index].link = links[usize::from(how)];
            }
            Op::Drain { executor } => {
                let index = self.executor(executor);
                self.executors[index].drain();
            }
            Op::Leave { executor } => {
                let index = self.executor(executor);
                self.land(|_| true);
                self.executors[index].leave();
            }
            Op::Beat { executor, lost } => {
                let index = self.executor(executor);
                self.beat(index, lost);
            }
            _ => unreachable!("{op:?} is not about an executor's standing"),
        }
    }

    /// What a process creates is created before it dies, or not at all; a cluster may take longer.
    fn finish_creating(&mut self, index: usize) {
        if self.executors[index].kind == Kind::Folder {
            let site = self.executors[index].site.clone();
            self.land(|creation| creation.site == site);
        }
    }

    /// Creates what was begun, which must still hold its slot.
    pub(super) fn land(&mut self, which: impl Fn(&Creation) -> bool) {
        let begun = std::mem::take(&mut self.children.begun);
        let (now, later) = begun.into_iter().partition(which);
        self.children.begun = later;
        for creation in now {
            let Creation { execution, .. } = &creation;
            let lease = self.ledger.lease(execution.token);
            assert!(
                !lease.freed,
                "{execution:?} is created after its slot was freed"
            );
            self.children.create(creation);
        }
        self.observe();
    }

    /// What executors see of their executions.
    pub(super) fn observe(&mut self) {
        for executor in &mut self.executors {
            executor.observe(&mut self.children);
        }
    }

    /// A heartbeat; its answer leaves once everything decided before is stored.
    fn beat(&mut self, index: usize, lost: bool) {
        let executor = &self.executors[index];
        if !executor.up || matches!(executor.link, Link::Cut | Link::Mute) {
            return;
        }
        let (id, incarnation) = (executor.id, executor.incarnation);
        let deaf = executor.link == Link::Deaf;
        let sent_at = self.children.mono;
        self.roster.heard(id, sent_at);
        self.handle(None, &Input::Heard { executor: id }, None);
        let state = self.core.state();
        let orders = Orders {
            known: state.counts_on(id),
            term_ms: TERM * 1000,
            orders: state.orders(id),
        };
        let beat = Beat {
            index,
            incarnation,
            sent_at,
            orders,
        };
        self.decided(Step::default(), None, (!lost && !deaf).then_some(beat));
    }

    pub(super) fn confirm(&mut self, beat: Beat) {
        let executor = &mut self.executors[beat.index];
        if executor.up && executor.incarnation == beat.incarnation && executor.link != Link::Cut {
            executor.confirmed(beat.sent_at, &beat.orders, &mut self.children);
        }
    }

    pub(super) fn beats(&mut self) {
        for index in 0..self.executors.len() {
            self.beat(index, false);
        }
    }

    /// The leader looks who is silent.
    pub(super) fn look(&mut self) {
        let silent = self.roster.silent(self.core.state(), self.children.mono);
        for (executor, lasting) in silent {
            let input = Input::Silent { executor, lasting };
            let mut decisions = 0;
            while self.handle(None, &input, None) {
                decisions += 1;
                assert!(decisions < 100, "silence never comes to rest");
            }
        }
        checks::nothing_waits_for_who_is_away(self.core.state());
    }

    /// Time passes, in steps of at least a few seconds.
    pub(super) fn pass(&mut self, seconds: u64) {
        let step = (seconds / 8).max(15);
        let mut left = seconds;
        while left > 0 {
            let passed = step.min(left);
            left -= passed;
            self.now = self.now.after(Duration::from_secs(passed));
            self.children.mono += passed;
            self.overtake();
        }
    }

    fn overtake(&mut self) {
        let mono = self.children.mono;
        self.land(|creation| creation.by <= mono);
        self.children.expire();
        self.observe();
        self.collect();
        self.beats();
        self.look();
        let mut ticks = 0;
        while self.handle(None, &Input::Tick, None) {
            ticks += 1;
            assert!(ticks < 10_000, "the clock never comes to rest");
        }
    }

    /// What is remarkable about a commit in the light of those before it.
    pub(super) fn witness(&mut self, commit: &Commit) {
        for event in commit.events() {
            let (Event::SlotLeaseMoved { run, slot, .. } | Event::SlotReleased { run, slot, .. }) =
                event
            else {
                continue;
            };
            let Some(lease) = self.ledger.held(*run, *slot) else {
                continue;
            };
            let moves = matches!(event, Event::SlotLeaseMoved { .. });
            let silence = commit.cause.stream == CLOCK && lease.holder.is_some();
            let remarkable = [
                (
                    moves && lease.moved,
                    "a lease moved on before it was adopted",
                ),
                (moves && lease.releasing, "the lease of an ended run moved"),
                (
                    moves && lease.canceled,
                    "a lease moved while its run was to end",
                ),
                (
                    moves && !lease.started,
                    "a lease moved before its run started",
                ),
                (!moves && silence, "a lease lapsed"),
                (
                    !moves && silence && lease.moved,
                    "a lease lapsed that had moved",
                ),
            ];
            for (_, what) in remarkable.iter().filter(|(happened, _)| *happened) {
                self.children.witnessed.insert(what);
            }
        }
    }
}
