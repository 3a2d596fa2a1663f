//! Histories of any length, as the real core decides them: projects whose repositories send
//! deliveries, runs that wait for slots, are claimed, start, fail, are lost, retried and canceled.
//! The same seed gives the same bytes.

mod inputs;
mod random;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use maestro_domain::{
    Command, Core, Digest, Event, ExecutorId, ProjectId, Report, RunId, Stack, State, Timestamp,
    VaultKey,
    core::{COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Stacks},
    digest::DigestKey,
    report::{Execution, ReportMessage},
    sealed::Sealed,
};
use uuid::Uuid;

use self::random::Random;

/// Projects, each with its repositories and one pool.
const PROJECTS: u64 = 12;
/// Repositories of a project.
const REPOSITORIES: u64 = 4;
/// Executors, which serve every pool.
const EXECUTORS: u64 = 3;
/// Mean time between two inputs: a million commits are about a month.
const STEP: Duration = Duration::from_millis(2_500);

/// A commit and where it is stored.
#[derive(Debug, Clone)]
pub struct Made {
    /// Number and sequence.
    pub n: u64,
    /// Below the log's prefix.
    pub subject: String,
    /// As stored and hashed.
    pub bytes: Vec<u8>,
}

struct OneStack(Digest, Arc<Stack>);

impl Stacks for OneStack {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        (*digest == self.0).then(|| Arc::clone(&self.1))
    }
}

/// What an executor does next about an attempt.
#[derive(Debug, Clone, Copy)]
enum Next {
    Claim,
    Start,
    Finish,
}

/// A history in the making. Its memory grows with live work and what the core remembers, not with
/// its length.
pub struct History {
    core: Core,
    random: Random,
    now: Timestamp,
    stack: OneStack,
    seqs: BTreeMap<&'static str, u64>,
    made: VecDeque<Made>,
    working: VecDeque<(ExecutorId, Execution, Next)>,
    live: VecDeque<RunId>,
    deliveries: u64,
}

impl History {
    /// Begins one with projects, repositories, pools and executors.
    ///
    /// # Panics
    /// When the built-in stack is refused: a defect.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let stack = Stack::parse(inputs::STACK).expect("the built-in stack is valid");
        let digest = Digest::of(inputs::STACK.as_bytes());
        let mut history = Self {
            core: Core::new(State::default(), DigestKey::new([7; 32])),
            random: Random::new(seed),
            now: Timestamp::from_millis(1_795_176_000_000),
            stack: OneStack(digest, Arc::new(stack)),
            seqs: BTreeMap::new(),
            made: VecDeque::new(),
            working: VecDeque::new(),
            live: VecDeque::new(),
            deliveries: 0,
        };
        let instance = "one".to_owned();
        history.step(None, &Input::TakeOver { instance });
        for number in 0..PROJECTS {
            history.found(number, digest);
        }
        for number in 0..EXECUTORS {
            history.report(executor(number), inputs::inventory());
        }
        history
    }

    /// The next commit.
    pub fn next_commit(&mut self) -> Made {
        loop {
            if let Some(made) = self.made.pop_front() {
                return made;
            }
            self.go_on();
        }
    }

    /// What the commits refer to in the vault: names of repositories and people.
    #[must_use]
    pub fn names(&self) -> Vec<(VaultKey, String)> {
        inputs::names(PROJECTS * REPOSITORIES)
    }

    fn found(&mut self, number: u64, digest: Digest) {
        let project = project(number);
        let document = Sealed {
            key: VaultKey::stack(&digest),
            digest,
        };
        let slug = inputs::name(&format!("project-{number}"));
        self.command(Command::CreateProject { project, slug });
        self.command(Command::SetStack {
            project,
            digest,
            document,
        });
        for repository in 0..REPOSITORIES {
            let repository = inputs::repository(number * REPOSITORIES + repository);
            self.command(Command::AttachRepository {
                project,
                repository,
            });
        }
        let (pool, size) = (inputs::name(inputs::POOL), 4 + number as u32 % 5);
        self.command(Command::ResizePool {
            project,
            pool,
            size,
        });
    }

    fn go_on(&mut self) {
        let passed = self.random.below(2 * STEP.as_millis() as u64);
        self.now = self.now.after(Duration::from_millis(passed));
        match self.random.below(100) {
            0..6 => self.deliver(false),
            6..18 if self.working.len() + self.core.state().runs.len() < 200 => self.deliver(true),
            18..19 => self.cancel(),
            19..26 => {
                self.step(None, &Input::Tick);
            }
            _ => self.work(),
        }
    }

    fn deliver(&mut self, starts: bool) {
        self.deliveries += 1;
        let repository = self.random.below(PROJECTS * REPOSITORIES);
        let facts = inputs::delivery(self.deliveries, repository, starts, self.now);
        let origin = self.origin(DELIVERIES);
        self.step(origin, &Input::Delivery(Box::new(facts)));
    }

    fn cancel(&mut self) {
        let Some(run) = self.live.pop_front() else {
            return;
        };
        if self.core.state().runs.contains_key(&run) {
            self.command(Command::CancelRun { run });
        }
    }

    /// An executor goes on with what it has longest.
    fn work(&mut self) {
        let Some((by, execution, next)) = self.working.pop_front() else {
            self.step(None, &Input::Tick);
            return;
        };
        if !self.core.state().runs.contains_key(&execution.run) {
            return;
        }
        let (report, then) = match next {
            Next::Claim => (Report::Claim(execution), Some(Next::Start)),
            Next::Start => (inputs::started(execution, self.now), Some(Next::Finish)),
            Next::Finish => {
                let luck = self.random.below(1_000);
                (inputs::finished(execution, luck, self.now), None)
            }
        };
        self.report(by, report);
        self.working.extend(then.map(|then| (by, execution, then)));
    }

    fn command(&mut self, command: Command) {
        let origin = self.origin(COMMANDS);
        let number = self.seqs[COMMANDS];
        self.step(
            origin,
            &Input::Command(Box::new(inputs::command(number, command))),
        );
    }

    fn report(&mut self, executor: ExecutorId, report: Report) {
        let origin = self.origin(REPORTS);
        let message = ReportMessage { executor, report };
        self.step(origin, &Input::Report(Box::new(message)));
    }

    fn origin(&mut self, stream: &'static str) -> Option<Origin> {
        let seq = self.seqs.entry(stream).or_default();
        *seq += 1;
        Some(Origin {
            stream,
            of: "one".into(),
            seq: *seq,
        })
    }

    fn step(&mut self, origin: Option<Origin>, input: &Input) {
        let facts = Facts {
            now: self.now,
            traceparent: None,
        };
        let step = self
            .core
            .handle(origin.as_ref(), input, &facts, &self.stack);
        let Some(stored) = step.commit else { return };
        for event in stored.commit.events() {
            match event {
                Event::RunDispatched { run, .. } => {
                    if let Some(live) = self.core.state().runs.get(run) {
                        let by = executor(self.random.below(EXECUTORS));
                        let execution = live.execution(*run);
                        self.working.push_back((by, execution, Next::Claim));
                    }
                }
                Event::RunRequested(requested) => self.live.push_back(requested.run),
                Event::RunFinished(finished) => self.live.retain(|run| *run != finished.run),
                _ => {}
            }
        }
        self.made.push_back(Made {
            n: stored.commit.n,
            subject: stored.commit.subject(),
            bytes: stored.bytes,
        });
    }
}

fn project(number: u64) -> ProjectId {
    ProjectId::new(Uuid::from_u128(0x1000 + u128::from(number)))
}

fn executor(number: u64) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(0x2000 + u128::from(number)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use maestro_domain::Commit;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_chain_with_every_kind_of_event() {
        let (mut one, mut other) = (History::seeded(7), History::seeded(7));
        let mut prev = Digest::ZERO;
        let mut kinds = BTreeSet::new();
        for n in 1..=20_000 {
            let made = one.next_commit();
            assert_eq!(made.bytes, other.next_commit().bytes);
            let commit = Commit::decode(&made.bytes).expect("a commit");
            assert_eq!((commit.n, made.n, commit.prev), (n, n, prev));
            prev = Digest::of(&made.bytes);
            kinds.extend(commit.events().map(Event::type_name));
        }
        for kind in [
            "delivery.decided",
            "run.requested",
            "run.started",
            "run.attempt_lost",
            "run.finished",
            "run.cancel_requested",
            "slot.leased",
            "slot.released",
            "executor.joined",
        ] {
            assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
        }
        assert_ne!(
            History::seeded(8).nth_bytes(2_000),
            History::seeded(7).nth_bytes(2_000)
        );
    }

    impl History {
        fn nth_bytes(&mut self, n: u64) -> Vec<u8> {
            (0..n)
                .map(|_| self.next_commit().bytes)
                .last()
                .unwrap_or_default()
        }
    }
}
