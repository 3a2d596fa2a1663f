//! What the log says about slots: leases are told apart by their first token.

use maestro_domain::{Event, ExecutorId, RunId, report::Execution};

use super::{Ledger, PoolKey};

#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) pool: PoolKey,
    slot: u32,
    run: RunId,
    /// The commit that granted it.
    pub(crate) n: u64,
    /// Its newest one.
    token: u64,
    pub(crate) holder: Option<ExecutorId>,
    /// It moved and was not adopted.
    pub(crate) moved: bool,
    pub(crate) started: bool,
    pub(crate) canceled: bool,
    /// Its run is over.
    pub(crate) releasing: bool,
    pub(crate) freed: bool,
}

impl Ledger {
    /// The lease that has or had this token.
    pub(crate) fn lease(&self, token: u64) -> &Lease {
        &self.leases[&self.first_tokens[&token]]
    }

    pub(super) fn of_a_slot(&mut self, event: &Event) {
        match event {
            Event::PoolResized {
                project,
                pool,
                size,
            } => {
                let sizes = self.sizes.entry((*project, pool.clone())).or_default();
                sizes.push((self.n, *size));
            }
            Event::PoolPaused { project, pool } => {
                assert!(self.paused.insert((*project, pool.clone())), "paused twice");
            }
            Event::PoolResumed { project, pool } => {
                let was = self.paused.remove(&(*project, pool.clone()));
                assert!(was, "{pool} was not paused");
            }
            Event::SlotLeased {
                project,
                pool,
                slot,
                run,
                token,
            } => self.leased((*project, pool.clone()), *slot, *run, *token),
            Event::RunClaimed {
                run,
                attempt,
                token,
                executor,
                ..
            } => {
                let claimed = Execution {
                    run: *run,
                    attempt: *attempt,
                    token: *token,
                };
                assert!(self.executions.contains(&claimed), "{event:?} undispatched");
                let lease = self.current(*token, *run);
                assert_eq!(lease.holder.replace(*executor), None, "claimed twice");
            }
            Event::SlotLeaseMoved {
                run,
                slot,
                token,
                executor,
                ..
            } => self.moved(*run, *slot, *token, *executor, event),
            Event::SlotLeaseAdopted { run, token, .. } => {
                let lease = self.current(*token, *run);
                assert!(lease.moved, "{event:?} that did not move");
                lease.moved = false;
            }
            Event::SlotReleasing { run, token, .. } => {
                let lease = self.current(*token, *run);
                assert!(lease.holder.is_some(), "nothing executes: {event:?}");
                lease.releasing = true;
            }
            Event::SlotReleased {
                run, slot, token, ..
            } => {
                let lease = self.current(*token, *run);
                assert_eq!(lease.slot, *slot);
                lease.freed = true;
            }
            Event::RunStarted { run, .. } => self.of_run(*run, |lease| lease.started = true),
            Event::RunCancelRequested { run, .. } => {
                self.of_run(*run, |lease| lease.canceled = true);
            }
            _ => {}
        }
    }

    /// The lease of a run that executes.
    fn of_run(&mut self, run: RunId, note: impl FnOnce(&mut Lease)) {
        let mut leases = self.leases.values_mut().rev();
        let lease = leases.find(|lease| lease.run == run && !lease.freed);
        note(lease.expect("what executes has a slot"));
    }

    /// The lease of a run in a slot.
    pub(crate) fn held(&self, run: RunId, slot: u32) -> Option<&Lease> {
        let mut leases = self.leases.values();
        leases.find(|lease| (lease.run, lease.slot) == (run, slot) && !lease.freed)
    }

    /// The lease whose newest token this is.
    fn current(&mut self, token: u64, run: RunId) -> &mut Lease {
        let first = self.first_tokens[&token];
        let lease = self.leases.get_mut(&first).unwrap();
        assert!(!lease.freed, "the slot of token {token} is free");
        assert_eq!((lease.token, lease.run), (token, run), "an old token");
        lease
    }

    fn new_token(&mut self, token: u64, first: u64) {
        let last = self.first_tokens.keys().next_back();
        assert!(
            last.is_none_or(|last| *last < token),
            "token {token} is not new"
        );
        self.first_tokens.insert(token, first);
    }

    fn leased(&mut self, pool: PoolKey, slot: u32, run: RunId, token: u64) {
        self.new_token(token, token);
        assert!(!self.paused.contains(&pool), "a lease of a paused pool");
        let size = self.largest_since(&pool, self.n);
        let held: Vec<u32> = self
            .leases
            .values()
            .filter(|other| other.pool == pool && !other.freed)
            .map(|other| other.slot)
            .collect();
        assert!(
            held.len() < size as usize,
            "{held:?} of {size} slots are leased already"
        );
        assert!(!held.contains(&slot), "slot {slot} is leased twice");
        let lease = Lease {
            pool,
            slot,
            run,
            n: self.n,
            token,
            holder: None,
            moved: false,
            started: false,
            canceled: false,
            releasing: false,
            freed: false,
        };
        self.leases.insert(token, lease);
    }

    /// I-6: it moves from who is away to who is there, serves the pool and can adopt.
    fn moved(&mut self, run: RunId, slot: u32, token: u64, to: ExecutorId, event: &Event) {
        let mut leases = self.leases.iter();
        let (first, lease) = leases
            .find(|(_, lease)| lease.run == run && lease.slot == slot && !lease.freed)
            .expect("a lease that moves is held");
        let (first, pool) = (*first, lease.pool.1.clone());
        let from = lease.holder.expect("a lease that moves was claimed");
        self.may_move(from, to, &pool, event);
        self.new_token(token, first);
        let lease = self.leases.get_mut(&first).unwrap();
        (lease.token, lease.holder, lease.moved) = (token, Some(to), true);
    }

    /// The largest size the pool had since commit `n`.
    pub(crate) fn largest_since(&self, pool: &PoolKey, n: u64) -> u32 {
        let Some(sizes) = self.sizes.get(pool) else {
            return 0;
        };
        let before = sizes.iter().rev().find(|(at, _)| *at <= n);
        let since = sizes.iter().filter(|(at, _)| *at > n);
        since
            .chain(before)
            .map(|(_, size)| *size)
            .max()
            .unwrap_or(0)
    }
}
