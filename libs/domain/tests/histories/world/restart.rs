//! Another leader: the log is folded from nothing, or from a snapshot, and leads to the same state.

use super::*;

impl World {
    pub(super) fn round_trip(&self) -> String {
        let text = serde_json::to_string(self.core.state()).unwrap();
        assert_eq!(
            &serde_json::from_str::<State>(&text).unwrap(),
            self.core.state()
        );
        text
    }

    /// The leader dies; another folds the log and takes over.
    pub(super) fn restart(&mut self, keep: usize, snapshot: bool) {
        let unacknowledged = std::mem::take(&mut self.unacknowledged);
        let mut expected = None;
        for Decided { step, after, .. } in unacknowledged.into_iter().take(keep) {
            if let Some(stored) = step.commit {
                self.stored(&stored.commit);
                self.log.push(stored.bytes);
            }
            expected = after;
        }
        let before = expected.unwrap_or_else(|| self.core.state().clone());
        let core = self.fold(State::default());
        if core.state().head == before.head {
            assert_eq!(
                core.state(),
                &State {
                    cursors: core.state().cursors.clone(),
                    ..before
                }
            );
        }
        let start = self
            .snapshot
            .as_deref()
            .map(|text| serde_json::from_str(text).unwrap());
        if let Some(start) = start.filter(|start: &State| self.stands(start)) {
            let resumed = self.fold(start);
            let cursors = core.state().cursors.clone();
            assert_eq!(
                &State {
                    cursors,
                    ..resumed.state().clone()
                },
                core.state()
            );
            self.core = if snapshot { resumed } else { core };
        } else {
            self.core = core;
        }
        let outstanding = self.core.state().outstanding();
        self.take_over();
        self.run_commands.extend(outstanding);
    }

    /// Whether a snapshot is one of the stored log.
    pub(super) fn stands(&self, start: &State) -> bool {
        let n = usize::try_from(start.head.n).unwrap();
        n <= self.log.len() && maestro_domain::Digest::of(&self.log[n - 1]) == start.head.hash
    }

    pub(super) fn fold(&self, start: State) -> Core {
        let behind = usize::try_from(start.head.n).unwrap();
        let mut core = Core::new(start, digest_key());
        for bytes in &self.log[behind..] {
            core.apply(&Commit::decode(bytes).unwrap(), bytes).unwrap();
        }
        core
    }
}
