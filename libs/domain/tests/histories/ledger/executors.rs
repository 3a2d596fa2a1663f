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
                let member = self.members.get_mut(executor).expect("one that joined");
                assert!(!member.draining, "{event:?} twice");
                member.draining = true;
            }
            Event::ExecutorSilent { executor } => self.stands(*executor, Standing::Silent),
            Event::ExecutorReturned { executor } => {
                let before = self.members[executor].standing;
                assert_eq!(before, Standing::Silent, "{event:?}");
                self.stands(*executor, Standing::Present);
            }
            Event::ExecutorLeft { executor } => self.stands(*executor, Standing::Left),
            _ => {}
        }
    }

    fn stands(&mut self, executor: ExecutorId, next: Standing) {
        self.members.entry(executor).or_default().standing = next;
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
