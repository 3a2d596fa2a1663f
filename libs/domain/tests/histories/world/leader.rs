//! The leader: it reads, decides, and lets go of what is acknowledged.

use maestro_domain::state::Standing;

use super::*;

type Slot = (ProjectId, Name, u32);

impl World {
    /// Reads the next message of a stream, if there is one.
    pub(super) fn read(&mut self, stream: usize) -> bool {
        let name = STREAMS[stream];
        let cursor = self
            .core
            .state()
            .cursors
            .get(name)
            .map_or(0, |cursor| cursor.seq);
        let Some(message) = self.streams[stream]
            .get(usize::try_from(cursor).unwrap())
            .cloned()
        else {
            return false;
        };
        let origin = Origin {
            stream: name,
            of: "one".to_owned(),
            seq: cursor + 1,
        };
        match message {
            Message::Input(input, letter) => self.handle(Some(&origin), &input, letter),
            Message::Gone => self.handle(Some(&origin), &Input::Lost { from: cursor + 1 }, None),
        };
        true
    }

    /// Decides one input, checks what can be said of every decision; true when it led to a commit.
    pub(super) fn handle(
        &mut self,
        origin: Option<&Origin>,
        input: &Input,
        letter: Option<Letter>,
    ) -> bool {
        let facts = Facts {
            now: self.now,
            traceparent: None,
        };
        let expected = self.expected(input);
        let before = self.attempts();
        let step = self.core.handle(origin, input, &facts, self.library);
        if let Some(expected) = expected {
            assert_eq!(step.commit.is_some(), expected, "commits for {input:?}");
        }
        if let Some(stored) = &step.commit {
            self.emptied(&stored.commit, &before);
        }
        let committed = step.commit.is_some();
        self.decided(step, letter, None);
        committed
    }

    /// What waits until everything decided so far is stored.
    pub(super) fn decided(&mut self, step: Step, letter: Option<Letter>, beat: Option<Beat>) {
        let after = self.stalled.then(|| self.core.state().clone());
        self.unacknowledged.push_back(Decided {
            step,
            letter,
            beat,
            after,
        });
        if !self.stalled {
            self.acknowledge();
        }
    }

    /// Whether the input must lead to a commit or must not; `None` where it depends.
    pub(super) fn expected(&self, input: &Input) -> Option<bool> {
        let state = self.core.state();
        match input {
            Input::TakeOver { .. }
            | Input::Delivery(_)
            | Input::Lost { .. }
            | Input::Poison { .. } => Some(true),
            Input::Command(message) => Some(state.outcomes.get(&message.key).is_none()),
            Input::Report(message) => stale(state, message).then_some(false),
            Input::Silent { .. } => None,
            Input::Heard { executor } => Some(state.standing(*executor) == Some(Standing::Silent)),
            Input::Tick => Some(
                state
                    .next_timer()
                    .is_some_and(|at| at <= self.now.max(state.head.at)),
            ),
        }
    }

    /// The attempt in each slot.
    fn attempts(&self) -> BTreeMap<Slot, Execution> {
        let projects = self.core.state().projects.iter();
        let pools = projects
            .flat_map(|(id, project)| project.pools.iter().map(|(name, pool)| (*id, name, pool)));
        let slots = pools.flat_map(|(id, name, pool)| {
            let leases = pool.leases.iter();
            leases.map(move |(slot, lease)| ((id, name.clone(), *slot), lease.execution))
        });
        slots.collect()
    }

    /// I-6: a slot is freed only when nothing executes in it.
    fn emptied(&self, commit: &Commit, before: &BTreeMap<Slot, Execution>) {
        for event in commit.events() {
            let Event::SlotReleased {
                project,
                pool,
                slot,
                ..
            } = event
            else {
                continue;
            };
            if let Some(held) = before.get(&(*project, pool.clone(), *slot)) {
                let mut live = self.children.live();
                let here = live.any(|child| (child.run, child.attempt) == (held.run, held.attempt));
                assert!(!here, "the slot of {event:?} is not empty");
            }
        }
    }

    /// Everything decided so far is stored; what waited for that leaves.
    pub(super) fn acknowledge(&mut self) {
        while let Some(decided) = self.unacknowledged.pop_front() {
            let Decided {
                step, letter, beat, ..
            } = decided;
            if let Some(stored) = step.commit {
                self.stored(&stored.commit);
                self.log.push(stored.bytes);
            }
            self.run_commands.extend(step.run_commands);
            let answer = letter.zip(step.reply);
            let answer = answer.map(|(letter, reply)| Late::Answer(letter, reply));
            let orders = step.orders.into_iter();
            let orders = orders.map(|(executor, order)| Late::Order(executor, order));
            for sent in orders.chain(answer) {
                match self.answers {
                    0 => self.deliver(sent),
                    1 => {}
                    _ => self.late.push(sent),
                }
            }
            if let Some(beat) = beat {
                self.confirm(beat);
            }
        }
    }

    /// A commit is in the log.
    pub(super) fn stored(&mut self, commit: &Commit) {
        self.witness(commit);
        self.ledger.append(commit);
        for event in commit.events() {
            self.children.witnessed.insert(event.type_name());
            if let Event::RunRequested(requested) = event {
                let RunRequested { run, timeout_s, .. } = **requested;
                self.children.timeouts.insert(run, timeout_s);
            }
        }
    }

    pub(super) fn take_over(&mut self) {
        self.roster.reset();
        self.handle(
            None,
            &Input::TakeOver {
                instance: "leader".to_owned(),
            },
            None,
        );
    }
}

/// I-4: a report under no lease, or of another executor than its holder.
fn stale(state: &State, message: &ReportMessage) -> bool {
    let (Report::Claim(execution)
    | Report::Adopt(execution)
    | Report::Started { execution, .. }
    | Report::Finished { execution, .. }) = &message.report
    else {
        return false;
    };
    let projects = state.projects.values();
    let leases = projects
        .flat_map(|project| project.pools.values())
        .flat_map(|pool| pool.leases.values());
    let lease = leases
        .filter(|lease| lease.execution == *execution)
        .map(|lease| lease.executor)
        .next();
    match (lease, &message.report) {
        (Some(None), Report::Claim(_)) => false,
        (Some(holder), _) => holder != Some(message.executor),
        (None, _) => true,
    }
}
