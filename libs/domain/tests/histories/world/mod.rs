//! Streams, a leader, executors and the ways between them.

use std::collections::{BTreeMap, VecDeque};

use maestro_domain::{
    Command, Commit, Core, Event, ExecutorId, Report, RunId, State, Timestamp, VaultKey,
    command::{Actor, CommandMessage},
    core::{COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Step},
    digest::DigestKey,
    event::InputProblem,
    report::{End, Execution, Reply, ReportMessage},
    run::RunCommand,
    sealed::Sealed,
};
use uuid::Uuid;

use crate::{
    checks,
    executor::{Executor, Letter},
    inputs::{self, Library, name},
    ledger::{Ledger, PoolKey},
    op::Op,
};

mod heal;
mod leader;
mod restart;
mod ways;

const STREAMS: [&str; 3] = [DELIVERIES, COMMANDS, REPORTS];

/// A message of an input stream.
#[derive(Debug, Clone)]
enum Message {
    Input(Input, Option<Letter>),
    Gone,
}

/// A decision whose commit is not acknowledged.
struct Decided {
    step: Step,
    letter: Option<Letter>,
    /// The state behind it, where it may be needed.
    after: Option<State>,
}

pub(crate) struct World {
    core: Core,
    now: Timestamp,
    streams: [Vec<Message>; 3],
    log: Vec<Vec<u8>>,
    unacknowledged: VecDeque<Decided>,
    stalled: bool,
    snapshot: Option<String>,
    library: &'static Library,
    ledger: Ledger,
    executors: Vec<Executor>,
    run_commands: Vec<RunCommand>,
    letters: Vec<Letter>,
    answers: u8,
    late: Vec<(Letter, Reply)>,
}

fn digest_key() -> DigestKey {
    DigestKey::new([7; 32])
}

fn pick<T>(items: &[T], index: u8) -> Option<usize> {
    (!items.is_empty()).then(|| usize::from(index) % items.len())
}

impl World {
    pub(crate) fn new() -> Self {
        let executor = |index: usize, pools: &[&str]| {
            let id = ExecutorId::new(Uuid::from_u128(index as u128 + 1));
            Executor::new(index, id, pools.iter().map(|pool| name(pool)).collect())
        };
        let mut world = Self {
            core: Core::new(State::default(), digest_key()),
            now: Timestamp::from_millis(1_795_176_000_000),
            streams: Default::default(),
            log: Vec::new(),
            unacknowledged: VecDeque::new(),
            stalled: false,
            snapshot: None,
            library: Library::get(),
            ledger: Ledger::default(),
            executors: vec![
                executor(0, &["default"]),
                executor(1, &["default", "heavy"]),
                executor(2, &["heavy"]),
            ],
            run_commands: Vec::new(),
            letters: Vec::new(),
            answers: 0,
            late: Vec::new(),
        };
        world.take_over();
        for (index, (project, slug)) in inputs::projects().into_iter().enumerate() {
            world.command(Command::CreateProject { project, slug });
            world.set_stack(index, index);
        }
        for (project, pool) in inputs::pools() {
            world.command(Command::ResizePool {
                project,
                pool,
                size: 1,
            });
        }
        let (project, repository) = (inputs::projects()[1].0, inputs::repository(1));
        world.command(Command::AttachRepository {
            project,
            repository,
        });
        world.flow();
        world
    }

    pub(crate) fn play(&mut self, op: &Op) {
        match *op {
            Op::Deliver {
                id,
                kind,
                subject,
                repository,
            } => {
                let facts = inputs::webhook(id, kind, subject, repository);
                self.store(0, Message::Input(Input::Delivery(Box::new(facts)), None));
            }
            Op::Resize { pool, size } => self.resize(usize::from(pool), u32::from(size)),
            Op::Cancel { run } => {
                if let Some(index) = pick(&self.ledger.runs, run) {
                    self.command(Command::CancelRun {
                        run: self.ledger.runs[index],
                    });
                }
            }
            Op::SetStack { project, stack } => {
                self.set_stack(usize::from(project), usize::from(stack));
            }
            Op::Repeat { command } => {
                let index = pick(&self.streams[1], command).unwrap();
                let again = self.streams[1][index].clone();
                self.store(1, again);
            }
            Op::Gap {
                stream,
                undecodable: false,
            } => self.store(usize::from(stream), Message::Gone),
            Op::Gap {
                stream,
                undecodable: true,
            } => {
                let poison = Input::Poison {
                    problem: InputProblem::Undecodable,
                    delivery: None,
                };
                self.store(usize::from(stream), Message::Input(poison, None));
            }
            Op::Read { stream } => {
                self.read(usize::from(stream));
            }
            Op::Fetch {
                executor,
                index,
                keep,
            } => self.fetch(executor, index, keep),
            Op::Publish { index, copy } => self.publish(index, copy),
            Op::Late { index } => {
                if let Some(index) = pick(&self.late, index) {
                    let (letter, reply) = self.late.swap_remove(index);
                    self.answer(&letter, &reply);
                }
            }
            Op::End { index, how } => self.end(index, how),
            Op::Crash { executor, how } => self.executor(executor).crash(how),
            Op::Up { executor } => self.executor(executor).start(),
            Op::Resend { executor } => self.executor(executor).resend(),
            Op::Forge {
                executor,
                run,
                kind,
                twist,
            } => self.forge(executor, run, kind, twist),
            Op::Pass { seconds } => self.pass(u64::from(seconds)),
            Op::Jump { hours } => {
                let jumped = self.now.millis() + i64::from(hours) * 3_600_000;
                self.now = Timestamp::from_millis(jumped);
            }
            Op::Tick => {
                self.handle(None, &Input::Tick, None);
            }
            Op::Stall(stalled) => self.stalled = stalled,
            Op::Answers(how) => self.answers = how,
            Op::Restart { keep, snapshot } => self.restart(usize::from(keep), snapshot),
            Op::Snapshot => self.snapshot = Some(self.round_trip()),
            Op::Flow => self.flow(),
        }
        self.collect();
    }

    fn executor(&mut self, index: u8) -> &mut Executor {
        let index = pick(&self.executors, index).unwrap();
        &mut self.executors[index]
    }

    fn store(&mut self, stream: usize, message: Message) {
        self.streams[stream].push(message);
    }

    fn command(&mut self, command: Command) {
        let key = format!("key-{}", self.streams[1].len()).parse().unwrap();
        let actor = Actor::System(name("test"));
        let message = CommandMessage {
            key,
            actor,
            reason: None,
            command,
        };
        self.store(1, Message::Input(Input::Command(Box::new(message)), None));
    }

    fn resize(&mut self, pool: usize, size: u32) {
        let (project, pool) = inputs::pools()[pool].clone();
        self.command(Command::ResizePool {
            project,
            pool,
            size,
        });
    }

    fn set_stack(&mut self, project: usize, stack: usize) {
        let digest = self.library.digests[stack];
        let document = Sealed {
            key: VaultKey::stack(&digest),
            digest,
        };
        let project = inputs::projects()[project].0;
        self.command(Command::SetStack {
            project,
            digest,
            document,
        });
    }

    fn live(&self) -> impl Iterator<Item = Execution> {
        self.executors.iter().flat_map(Executor::live)
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(std::time::Duration::from_secs(seconds));
        let mut ticks = 0;
        while self.handle(None, &Input::Tick, None) {
            ticks += 1;
            assert!(ticks < 10_000, "the clock never comes to rest");
        }
    }
}
