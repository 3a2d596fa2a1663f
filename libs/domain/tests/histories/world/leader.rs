//! The leader: it reads, decides, and lets go of what is acknowledged.

use super::*;

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
        let step = self.core.handle(origin, input, &facts, self.library);
        if let Some(expected) = expected {
            assert_eq!(step.commit.is_some(), expected, "commits for {input:?}");
        }
        if let Some(stored) = &step.commit {
            for event in stored.commit.events() {
                self.slot_is_empty(event);
            }
        }
        let committed = step.commit.is_some();
        let after = self.stalled.then(|| self.core.state().clone());
        self.unacknowledged.push_back(Decided {
            step,
            letter,
            after,
        });
        if !self.stalled {
            self.acknowledge();
        }
        committed
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
            Input::Tick => Some(
                state
                    .next_timer()
                    .is_some_and(|at| at <= self.now.max(state.head.at)),
            ),
        }
    }

    /// I-6: a slot is freed only when nothing executes under its token.
    pub(super) fn slot_is_empty(&self, event: &Event) {
        if let Event::SlotReleased { token, .. } = event {
            let live = self.live().any(|execution| execution.token == *token);
            assert!(!live, "the slot of {event:?} is not empty");
        }
    }

    /// Everything decided so far is stored; what waited for that leaves.
    pub(super) fn acknowledge(&mut self) {
        while let Some(Decided { step, letter, .. }) = self.unacknowledged.pop_front() {
            if let Some(stored) = step.commit {
                self.ledger.append(&stored.commit);
                self.log.push(stored.bytes);
            }
            self.run_commands.extend(step.run_commands);
            let Some((letter, reply)) = letter.zip(step.reply) else {
                continue;
            };
            match self.answers {
                0 => self.answer(&letter, &reply),
                1 => {}
                _ => self.late.push((letter, reply)),
            }
        }
    }

    pub(super) fn take_over(&mut self) {
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
    | Report::Started { execution, .. }
    | Report::Finished { execution, .. }) = &message.report
    else {
        return true;
    };
    let holder = state
        .runs
        .get(&execution.run)
        .filter(|run| run.execution(execution.run) == *execution);
    if let Some(run) = holder {
        return match (run.executor, &message.report) {
            (None, Report::Claim(_)) => false,
            (holder, _) => holder != Some(message.executor),
        };
    }
    let mut pools = state
        .projects
        .values()
        .flat_map(|project| project.pools.values());
    let leased = pools.any(|pool| {
        let mut leases = pool.leases.values();
        leases.any(|lease| {
            lease.releasing
                && lease.execution == *execution
                && lease.executor == Some(message.executor)
        })
    });
    !leased
}
