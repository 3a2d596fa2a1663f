//! How executors come and go.

use std::collections::BTreeSet;

use super::super::{Executor, Standing, State};
use crate::{ids::ExecutorId, name::Name};

impl State {
    pub(super) fn join(&mut self, id: ExecutorId, pool: &Name, site: &Name) {
        let executor = self.executors.entry(id).or_insert_with(|| Executor {
            site: None,
            pools: BTreeSet::new(),
            standing: Standing::Present,
        });
        if executor.site.as_ref() != Some(site) || executor.standing.is_away() {
            executor.pools.clear();
        }
        executor.site = Some(site.clone());
        executor.standing = Standing::Present;
        executor.pools.insert(pool.clone());
    }

    pub(super) fn stand(&mut self, id: ExecutorId, standing: Standing) {
        let executor = self.executors.entry(id).or_insert_with(|| Executor {
            site: None,
            pools: BTreeSet::new(),
            standing,
        });
        executor.standing = standing;
        self.forget_if_gone(id);
    }

    /// Nothing is expected of an executor that is away and holds no lease.
    pub(super) fn forget_if_gone(&mut self, id: ExecutorId) {
        let away = self.standing(id).is_some_and(Standing::is_away);
        if away && self.leases_of(id).next().is_none() {
            self.executors.remove(&id);
        }
    }
}
