//! What must hold after every step, and at the end.

use super::*;

impl World {
    /// I-5 and the state's own consistency.
    pub(crate) fn check(&self) {
        checks::consistent(self.core.state());
        if self.unacknowledged.is_empty() {
            self.state_and_log_agree();
        }
        let mut pools: BTreeMap<&PoolKey, (u32, u64)> = BTreeMap::new();
        let mut runs: BTreeMap<RunId, Execution> = BTreeMap::new();
        for execution in self.children.live() {
            let twin = runs.insert(execution.run, execution);
            assert_eq!(twin, None, "two executions of one run: {execution:?}");
            let lease = self.ledger.lease(execution.token);
            assert!(!lease.freed, "{execution:?} has no slot");
            let (live, oldest) = pools.entry(&lease.pool).or_insert((0, u64::MAX));
            (*live, *oldest) = (*live + 1, lease.n.min(*oldest));
        }
        for (pool, (live, oldest)) in pools {
            let largest = self.ledger.largest_since(pool, oldest);
            assert!(
                live <= largest,
                "{live} live executions on {largest} slots of {pool:?}"
            );
        }
    }

    /// Each lease is where the log says it is.
    fn state_and_log_agree(&self) {
        let projects = self.core.state().projects.values();
        let leases = projects
            .flat_map(|project| project.pools.values())
            .flat_map(|pool| pool.leases.values());
        for lease in leases {
            let told = self.ledger.lease(lease.execution.token);
            assert_eq!(
                (lease.executor, lease.moved, lease.releasing, false),
                (told.holder, told.moved, told.releasing, told.freed),
                "{lease:?}"
            );
        }
    }

    /// I-7: with everybody at work again, every run ends and every slot is freed.
    pub(crate) fn heal(&mut self) {
        self.reopen();
        for index in 0..self.executors.len() {
            let Executor { kind, dead, .. } = self.executors[index];
            self.executors[index].link = Link::Open;
            if dead {
                self.install(kind, &["default", "heavy"]);
            }
        }
        for round in 0.. {
            assert!(round < 500, "not at rest: {:#?}", self.core.state());
            for executor in &mut self.executors {
                executor.start(&self.children);
                executor.resend();
            }
            self.flow();
            self.land(|_| true);
            self.end_unended();
            self.flow();
            self.check();
            self.pass(600);
            if self.at_rest() {
                break;
            }
        }
        self.all_is_told();
    }

    /// I-7: with nobody there any more, every run ends nevertheless and every slot is freed.
    pub(crate) fn desert(&mut self) {
        for executor in &mut self.executors {
            executor.crash(3, &mut self.children);
        }
        self.reopen();
        for round in 0.. {
            assert!(round < 1000, "not at rest: {:#?}", self.core.state());
            self.flow();
            self.check();
            self.pass(1800);
            if self.at_rest() {
                break;
            }
        }
        self.all_is_told();
    }

    /// The leader does its work again, and every pool may start something.
    fn reopen(&mut self) {
        (self.stalled, self.answers) = (false, 0);
        self.acknowledge();
        self.now = self.now.max(self.core.state().head.at);
        for pool in 0..3 {
            self.resize(pool, 2);
            self.pause(pool, false);
        }
    }

    fn all_is_told(&mut self) {
        self.restart(0, false);
        let ended: Vec<_> = self.ledger.ended.keys().copied().collect();
        let mut requested = self.ledger.runs.clone();
        requested.sort_unstable();
        assert_eq!(ended, requested, "every run ended once");
        assert!(self.ledger.decided_all(self.streams[0].len() as u64));
        assert!(self.ledger.leases.values().all(|lease| lease.freed));
    }

    /// What belongs to an ended run must end because the leader asks for it.
    fn end_unended(&mut self) {
        let live: Vec<Execution> = self.children.live().collect();
        for (index, execution) in live.iter().enumerate().rev() {
            if !self.ledger.ended.contains_key(&execution.run) {
                self.end(u8::try_from(index).unwrap(), 0);
            }
        }
        self.observe();
        self.collect();
    }

    fn at_rest(&self) -> bool {
        let state = self.core.state();
        let mut pools = state
            .projects
            .values()
            .flat_map(|project| project.pools.values());
        state.runs.is_empty() && pools.all(|pool| pool.leases.is_empty())
    }
}
