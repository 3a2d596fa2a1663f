//! What the log says about executors.

use std::collections::BTreeSet;

use maestro_domain::{Event, ExecutorId, Name, state::Standing};

use super::Ledger;

#[derive(Debug, Clone)]
pub(super) struct Member {
    site: Option<Name>,
    pools: BTreeSet<Name>,
    standing: Standing,
    /// It drains, until it joins again.
    draining: bool,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            site: None,
            pools: BTreeSet::new(),
            standing: Standing::Present,
            draining: false,
        }
    }
}

impl Ledger {
    pub(super) fn of_an_executor(&mut self, event: &Event) {
        match event {
            Event::ExecutorJoined {
                executor,
                pool,
                site,
                ..
            } => {
                let member = self.members.entry(*executor).or_default();
                if member.site.as_ref() != Some(site) || member.standing.is_away() {
                    member.pools.clear();
                }
                member.site = Some(site.clone());
                member.pools.insert(pool.clone());
                (member.standing, member.draining) = (Standing::Present, false);
            }
            Event::ExecutorDraining { executor } => {
                let member = self.stands(*executor, Standing::Draining, event);
                member.draining = true;
            }
            Event::ExecutorSilent { executor } => {
                self.stands(*executor, Standing::Silent, event);
            }
            Event::ExecutorReturned { executor } => {
                self.stands(*executor, Standing::Present, event);
            }
            Event::ExecutorLeft { executor } => {
                self.stands(*executor, Standing::Left, event);
            }
            _ => {}
        }
    }

    fn stands(&mut self, executor: ExecutorId, next: Standing, event: &Event) -> &mut Member {
        let member = self.members.entry(executor).or_default();
        let before = member.standing;
        let follows = match next {
            Standing::Present => before == Standing::Silent,
            Standing::Draining => before == Standing::Present,
            // Who was forgotten while it was away may hold a lease again.
            Standing::Silent | Standing::Left => true,
        };
        assert!(follows, "{event:?} of one who is {before:?}");
        member.standing = next;
        member
    }

    pub(super) fn may_move(&self, from: ExecutorId, to: ExecutorId, pool: &Name, event: &Event) {
        let (from, to) = (&self.members[&from], &self.members[&to]);
        assert!(
            from.standing.is_away(),
            "{event:?} from one who is {:?}",
            from.standing
        );
        assert!(
            to.standing == Standing::Present && !to.draining,
            "{event:?} to {to:?}"
        );
        assert!(to.pools.contains(pool), "{event:?} to {to:?}");
        assert!(
            to.site.is_some() && to.site == from.site,
            "{event:?} from {from:?} to {to:?}"
        );
    }
}
