//! Streams, a leader, executors and the ways between them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use maestro_domain::{
    Command, Commit, Core, Event, ExecutorId, Name, ProjectId, Report, RunId, State, Timestamp,
    VaultKey,
    command::{Actor, CommandMessage},
    core::{CLOCK, COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Step},
    digest::DigestKey,
    event::{InputProblem, RunRequested},
    report::{End, Execution, Order, Orders, Place, Reply, ReportMessage},
    run::RunCommand,
    sealed::Sealed,
};
use uuid::Uuid;

use crate::{
    checks,
    children::{Children, Creation},
    executor::{Executor, Kind, Letter, Link},
    inputs::{self, Library, name},
    ledger::{Ledger, PoolKey},
    op::Op,
    roster::{Roster, TERM},
};

mod heal;
mod leader;
mod restart;
mod standing;
mod steps;
mod ways;

const STREAMS: [&str; 3] = [DELIVERIES, COMMANDS, REPORTS];

/// A message of an input stream.
#[derive(Debug, Clone)]
enum Message {
    Input(Box<Input>, Option<Letter>),
    Gone,
}

impl From<Input> for Message {
    fn from(input: Input) -> Self {
        Self::Input(Box::new(input), None)
    }
}

/// A decision whose commit is not acknowledged.
struct Decided {
    step: Step,
    letter: Option<Letter>,
    beat: Option<Beat>,
    /// The state behind it, where it may be needed.
    after: Option<State>,
}

/// The answer to a heartbeat.
struct Beat {
    index: usize,
    incarnation: u32,
    sent_at: u64,
    orders: Orders,
}

/// Something of the leader's that did not arrive yet.
enum Late {
    Answer(Letter, Reply),
    Order(ExecutorId, Order),
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
    pub(crate) children: Children,
    pub(crate) roster: Roster,
    run_commands: Vec<RunCommand>,
    letters: Vec<Letter>,
    answers: u8,
    late: Vec<Late>,
}

fn digest_key() -> DigestKey {
    DigestKey::new([7; 32])
}

fn pick<T>(items: &[T], index: u8) -> Option<usize> {
    (!items.is_empty()).then(|| usize::from(index) % items.len())
}

impl World {
    pub(crate) fn new() -> Self {
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
            executors: Vec::new(),
            children: Children::default(),
            roster: Roster::default(),
            run_commands: Vec::new(),
            letters: Vec::new(),
            answers: 0,
            late: Vec::new(),
        };
        world.executors();
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

    /// Two alone with their data folders and three that reach the same cluster; all but the last
    /// are there from the beginning.
    fn executors(&mut self) {
        self.install(Kind::Folder, &["default"]);
        self.install(Kind::Cluster, &["default", "heavy"]);
        self.install(Kind::Cluster, &["heavy", "default"]);
        self.install(Kind::Folder, &["heavy"]);
        self.install(Kind::Cluster, &["default", "heavy"]);
        for executor in &mut self.executors[..4] {
            executor.start(&self.children);
        }
    }

    fn install(&mut self, kind: Kind, pools: &[&str]) {
        let index = self.executors.len();
        let site = match kind {
            Kind::Folder => name(&format!("folder-{index}")),
            Kind::Cluster => name("cluster"),
        };
        let pools = pools.iter().map(|pool| name(pool)).collect();
        self.executors.push(Executor::new(index, kind, site, pools));
    }

    fn executor(&mut self, index: u8) -> usize {
        pick(&self.executors, index).unwrap()
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
        self.store(1, Input::Command(Box::new(message)).into());
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
}
