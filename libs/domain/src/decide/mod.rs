//! The rules. Each file decides one kind of input; [`schedule`] hands out slots.

pub(crate) use self::delivery::Refusal;

mod bounds;
mod command;
mod delivery;
mod executor;
mod report;
mod schedule;
mod timer;

use crate::{
    core::{Facts, Input, Origin, Stacks},
    digest::DigestKey,
    event::Event,
    ids::ProjectId,
    name::Name,
    report::Reply,
    sealed::{Seal, Sealed, VaultKey},
    state::State,
    timestamp::Timestamp,
};

/// A decision in the making. Each event is folded as it is decided, so that a later rule of the
/// same decision sees it.
pub(crate) struct Draft<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) traceparent: Option<String>,
    digest_key: &'a DigestKey,
    decision: Decision,
}

/// What was decided.
#[derive(Default)]
pub(crate) struct Decision {
    pub(crate) events: Vec<Event>,
    pub(crate) seals: Vec<Seal>,
    pub(crate) reason: Option<Sealed>,
    pub(crate) project: Option<Name>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(state: &'a mut State, facts: &Facts, digest_key: &'a DigestKey) -> Self {
        let now = facts.now.max(state.head.at);
        let traceparent = facts.traceparent.as_deref().and_then(bounds::traceparent);
        Self {
            state,
            now,
            traceparent,
            digest_key,
            decision: Decision::default(),
        }
    }

    pub(crate) fn finish(self) -> Decision {
        self.decision
    }

    /// Whether what could follow is left to the next tick.
    fn full(&self) -> bool {
        self.decision.events.len() >= bounds::FULL
    }

    fn push(&mut self, event: Event) {
        self.state.evolve(&event, self.now);
        self.decision.events.push(event);
    }

    fn seal(&mut self, key: VaultKey, plaintext: Vec<u8>) -> Sealed {
        let seal = Seal { key, plaintext };
        let reference = seal.reference(self.digest_key);
        self.decision.seals.push(seal);
        reference
    }

    fn scope(&mut self, project: ProjectId) {
        self.decision.project = self.state.projects.get(&project).map(|p| p.slug.clone());
    }
}

/// Decides one input; the answer is for whoever asked.
pub(crate) fn input(
    draft: &mut Draft<'_>,
    origin: Option<&Origin>,
    input: &Input,
    stacks: &dyn Stacks,
) -> Option<Reply> {
    match input {
        Input::TakeOver { instance } => {
            let epoch = draft.state.head.epoch + 1;
            draft.push(Event::ConductorTookOver {
                epoch,
                instance: bounds::word_or_unknown(instance),
            });
            None
        }
        Input::Delivery(facts) => {
            delivery::decide(draft, facts, stacks);
            None
        }
        Input::Command(message) => command::decide(draft, message),
        Input::Report(message) => Some(report::decide(draft, message)),
        Input::Tick => {
            timer::decide(draft);
            None
        }
        Input::Silent { executor, lasting } => {
            executor::silent(draft, *executor, *lasting);
            None
        }
        Input::Heard { executor } => {
            executor::heard(draft, *executor);
            None
        }
        Input::Lost { from } => {
            let (stream, to) = position(origin);
            draft.push(Event::InputLost {
                stream,
                from: *from,
                to,
            });
            None
        }
        Input::Poison { problem, delivery } => {
            let (stream, seq) = position(origin);
            let delivery = delivery.clone();
            draft.push(Event::InputParked {
                stream,
                seq,
                problem: *problem,
                delivery,
            });
            None
        }
    }
}

fn position(origin: Option<&Origin>) -> (String, u64) {
    origin.map_or_else(Default::default, |origin| {
        (origin.stream.to_owned(), origin.seq)
    })
}
