//! The state machine: one input in, at most one commit out.

use std::{sync::Arc, time::Duration};

use crate::{
    command::{Actor, CommandMessage, Outcome},
    commit::{COMMIT_VERSION, Cause, Commit, Cursor, MAX_COMMIT_BYTES, Record},
    decide::{self, Draft},
    delivery::DeliveryFacts,
    digest::{Digest, DigestKey},
    event::{Event, InputProblem},
    ids::{DeliveryId, ExecutorId},
    report::{Order, Reply, ReportMessage},
    run::RunCommand,
    sealed::Seal,
    stack::Stack,
    state::State,
    timestamp::Timestamp,
};

/// Name of the stream of deliveries.
pub const DELIVERIES: &str = "DELIVERIES";
/// Name of the stream of commands.
pub const COMMANDS: &str = "COMMANDS";
/// Name of the stream of reports.
pub const REPORTS: &str = "REPORTS";
/// What the clock's commits name as their cause.
pub const CLOCK: &str = "CLOCK";
/// What a new leader's first commit names as its cause.
pub const TAKEOVER: &str = "TAKEOVER";

/// Something the core has to deal with.
#[derive(Debug, Clone)]
pub enum Input {
    /// This process became leader.
    TakeOver {
        /// Names the process.
        instance: String,
    },
    /// A webhook.
    Delivery(Box<DeliveryFacts>),
    /// A command.
    Command(Box<CommandMessage>),
    /// A report.
    Report(Box<ReportMessage>),
    /// Time passed; deals with the first timer that is due.
    Tick,
    /// Nothing was heard of an executor for at least a lease term, by a clock that never jumps.
    /// May be repeated while it lasts.
    Silent {
        /// Which.
        executor: ExecutorId,
        /// For how long, without a break.
        lasting: Duration,
    },
    /// A silent executor was heard.
    Heard {
        /// Which.
        executor: ExecutorId,
    },
    /// Messages `from..=to` of the origin's stream were gone before they were read.
    Lost {
        /// First sequence missing.
        from: u64,
    },
    /// The message cannot be applied.
    Poison {
        /// Why.
        problem: InputProblem,
        /// Delivery id its subject named.
        delivery: Option<DeliveryId>,
    },
}

/// Where an input came from; `None` for the clock and a takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Input stream.
    pub stream: &'static str,
    /// Its incarnation.
    pub of: String,
    /// Sequence there.
    pub seq: u64,
}

/// What only the shell knows.
#[derive(Clone, Default)]
pub struct Facts {
    /// The wall clock.
    pub now: Timestamp,
    /// Trace context of the decision.
    pub traceparent: Option<String>,
}

/// Stacks by digest, as far as the vault still has them.
pub trait Stacks {
    /// The parsed stack.
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>>;
}

/// What follows from an input.
#[derive(Debug, Default)]
pub struct Step {
    /// To be appended; `None` when the input changes nothing.
    pub commit: Option<Stored>,
    /// To be in the vault before the commit is appended.
    pub seals: Vec<Seal>,
    /// To be answered once everything appended so far is acknowledged.
    pub reply: Option<Reply>,
    /// To be sent once the commit is acknowledged.
    pub run_commands: Vec<RunCommand>,
    /// To be sent to one executor each once the commit is acknowledged; repeated with its
    /// heartbeats.
    pub orders: Vec<(ExecutorId, Order)>,
}

/// A commit and the bytes that are stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Decoded.
    pub commit: Commit,
    /// As appended and hashed.
    pub bytes: Vec<u8>,
}

/// The commit does not continue the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Its number does not follow.
    #[error("commit {found} stands where {expected} should")]
    Number {
        /// Number that follows the last.
        expected: u64,
        /// Number found.
        found: u64,
    },
    /// It names another predecessor.
    #[error("commit {n} does not continue commit {}: the hash chain is broken", n - 1)]
    Broken {
        /// Its number.
        n: u64,
    },
}

/// The core: a state and the key under which texts are digested.
#[derive(Debug, Clone)]
pub struct Core {
    state: State,
    digest_key: DigestKey,
}

impl Core {
    /// Starts from a state: the default one, or a snapshot's.
    #[must_use]
    pub const fn new(state: State, digest_key: DigestKey) -> Self {
        Self { state, digest_key }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Folds a stored commit.
    ///
    /// # Errors
    /// When it does not continue the log; the state is unchanged then.
    pub fn apply(&mut self, commit: &Commit, bytes: &[u8]) -> Result<(), ChainError> {
        let expected = self.state.head.n + 1;
        if commit.n != expected {
            return Err(ChainError::Number {
                expected,
                found: commit.n,
            });
        }
        if commit.prev != self.state.head.hash {
            return Err(ChainError::Broken { n: commit.n });
        }
        self.state.apply(commit, Digest::of(bytes));
        Ok(())
    }

    /// Decides one input and folds the decision at once. If the commit cannot be appended, this
    /// core is void and has to be loaded again.
    pub fn handle(
        &mut self,
        origin: Option<&Origin>,
        input: &Input,
        facts: &Facts,
        stacks: &dyn Stacks,
    ) -> Step {
        let mut draft = Draft::new(&mut self.state, facts, &self.digest_key);
        let (now, traceparent) = (draft.now, draft.traceparent.clone());
        let reply = decide::input(&mut draft, origin, input, stacks);
        let decision = draft.finish();
        let mut step = Step {
            seals: decision.seals,
            reply,
            ..Step::default()
        };
        if decision.events.is_empty() {
            if let Some(origin) = origin {
                self.advance(origin);
            }
            return step;
        }
        let cause = cause(origin, input);
        let commit = Commit {
            v: COMMIT_VERSION,
            n: self.state.head.n + 1,
            epoch: self.state.head.epoch,
            at: now,
            prev: self.state.head.hash,
            cursors: self.cursors_after(origin),
            actor: actor(input),
            reason: decision.reason,
            traceparent,
            project: decision.project,
            events: decision.events.into_iter().map(Record).collect(),
            cause,
        };
        let bytes = commit.encode();
        debug_assert!(
            bytes.len() <= MAX_COMMIT_BYTES,
            "a decision outgrew its message"
        );
        self.state.seal(&commit, Digest::of(&bytes));
        if let Input::Command(_) = input {
            let rejection = commit.events().find_map(|event| match event {
                Event::CommandRejected { code } => Some(*code),
                _ => None,
            });
            step.reply = Some(Reply::Outcome(Outcome {
                revision: commit.n,
                rejection,
            }));
        }
        step.run_commands = self.run_commands(&commit);
        step.orders = self.state.orders_after(&commit);
        step.commit = Some(Stored { commit, bytes });
        step
    }

    /// Work that follows from the events of a commit.
    fn run_commands(&self, commit: &Commit) -> Vec<RunCommand> {
        commit
            .events()
            .filter_map(|event| match event {
                Event::RunDispatched { run, .. } => self.state.run_command(*run),
                _ => None,
            })
            .collect()
    }

    fn cursors_after(&self, origin: Option<&Origin>) -> crate::commit::Cursors {
        let mut cursors = self.state.cursors.clone();
        if let Some(origin) = origin {
            let cursor = Cursor {
                of: origin.of.clone(),
                seq: origin.seq,
            };
            cursors.insert(origin.stream.to_owned(), cursor);
        }
        cursors
    }

    fn advance(&mut self, origin: &Origin) {
        self.state.cursors = self.cursors_after(Some(origin));
    }
}

fn cause(origin: Option<&Origin>, input: &Input) -> Cause {
    let id = match input {
        Input::Delivery(facts) => Some(facts.id.to_string()),
        Input::Command(message) => Some(message.key.to_string()),
        Input::Poison { delivery, .. } => delivery.as_ref().map(ToString::to_string),
        Input::TakeOver { .. }
        | Input::Report(_)
        | Input::Tick
        | Input::Silent { .. }
        | Input::Heard { .. }
        | Input::Lost { .. } => None,
    };
    match (origin, input) {
        (Some(origin), _) => Cause {
            stream: origin.stream.to_owned(),
            seq: origin.seq,
            id,
        },
        (None, Input::TakeOver { .. }) => Cause {
            stream: TAKEOVER.to_owned(),
            seq: 0,
            id,
        },
        (None, _) => Cause {
            stream: CLOCK.to_owned(),
            seq: 0,
            id,
        },
    }
}

fn actor(input: &Input) -> Actor {
    let system = |name: &str| Actor::System(name.parse().expect("a constant name"));
    match input {
        Input::Delivery(facts) => Actor::Host(facts.provider.clone()),
        Input::Command(message) => message.actor.clone(),
        Input::Report(message) => Actor::Executor(message.executor),
        Input::TakeOver { .. } | Input::Lost { .. } | Input::Poison { .. } => system("conductor"),
        Input::Heard { executor } => Actor::Executor(*executor),
        Input::Tick | Input::Silent { .. } => system("clock"),
    }
}
