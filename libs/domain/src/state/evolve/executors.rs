//! How executors come and go.

use std::collections::BTreeSet;

use super::super::{Executor, Standing, State};
use crate::{ids::ExecutorId, name::Name};

impl State {
    pub(super) fn join(&mut self, id: ExecutorId, pool: &Name, site: &Name) {
        let executor = self.executor_mut(id);
        if executor.site.as_ref() != Some(site) || executor.standing.is_away() {
            executor.pools.clear();
        }
        executor.site = Some(site.clone());
        executor.standing = Standing::Present;
        executor.draining = false;
        executor.pools.insert(pool.clone());
    }

    pub(super) fn drain(&mut self, id: ExecutorId) {
        let executor = self.executor_mut(id);
        executor.draining = true;
        if !executor.standing.is_away() {
            executor.standing = Standing::Draining;
        }
    }

    pub(super) fn come_back(&mut self, id: ExecutorId) {
        let executor = self.executor_mut(id);
        executor.standing = if executor.draining {
            Standing::Draining
        } else {
            Standing::Present
        };
    }

    pub(super) fn go_away(&mut self, id: ExecutorId, standing: Standing) {
        self.executor_mut(id).standing = standing;
        self.forget_if_gone(id);
    }

    /// Nothing is expected of an executor that is away and holds no lease.
    pub(super) fn forget_if_gone(&mut self, id: ExecutorId) {
        let away = self.standing(id).is_some_and(Standing::is_away);
        if away && self.leases_of(id).next().is_none() {
            self.executors.remove(&id);
        }
    }

    /// It is there as long as nothing else is known.
    fn executor_mut(&mut self, id: ExecutorId) -> &mut Executor {
        self.executors.entry(id).or_insert_with(|| Executor {
            site: None,
            pools: BTreeSet::new(),
            standing: Standing::Present,
            draining: false,
        })
    }
}
