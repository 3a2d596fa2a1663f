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

    /// Reads the next message of a stream, if there is one.
    fn read(&mut self, stream: usize) -> bool {
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
    fn handle(&mut self, origin: Option<&Origin>, input: &Input, letter: Option<Letter>) -> bool {
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
    fn expected(&self, input: &Input) -> Option<bool> {
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
    fn slot_is_empty(&self, event: &Event) {
        if let Event::SlotReleased { token, .. } = event {
            let live = self.live().any(|execution| execution.token == *token);
            assert!(!live, "the slot of {event:?} is not empty");
        }
    }

    fn live(&self) -> impl Iterator<Item = Execution> {
        self.executors.iter().flat_map(Executor::live)
    }

    /// Everything decided so far is stored; what waited for that leaves.
    fn acknowledge(&mut self) {
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

    fn answer(&mut self, letter: &Letter, reply: &Reply) {
        let Some(executor) = letter.from.map(|index| &mut self.executors[index]) else {
            return;
        };
        if executor.hear(letter, reply)
            && let Report::Claim(execution) = letter.message.report
        {
            let lease = &self.ledger.leases[&execution.token];
            assert!(
                !lease.freed,
                "{execution:?} starts after its slot was freed"
            );
        }
    }

    /// Takes over what the executors sent.
    fn collect(&mut self) {
        for executor in &mut self.executors {
            self.letters.extend(executor.sent());
        }
    }

    fn publish(&mut self, index: u8, copy: bool) {
        let Some(index) = pick(&self.letters, index) else {
            return;
        };
        let letter = if copy {
            self.letters[index].clone()
        } else {
            self.letters.remove(index)
        };
        let input = Input::Report(Box::new(letter.message.clone()));
        self.store(2, Message::Input(input, Some(letter)));
    }

    fn fetch(&mut self, executor: u8, index: u8, keep: bool) {
        let executor = pick(&self.executors, executor).unwrap();
        let executor = &mut self.executors[executor];
        let takes = |at: &usize| executor.takes(&self.run_commands[*at]);
        let ours: Vec<usize> = (0..self.run_commands.len()).filter(takes).collect();
        let Some(chosen) = pick(&ours, index) else {
            return;
        };
        executor.obey(&self.run_commands[ours[chosen]]);
        if !keep {
            self.run_commands.remove(ours[chosen]);
        }
    }

    fn end(&mut self, index: u8, how: u8) {
        let live: Vec<Execution> = self.live().collect();
        let Some(index) = pick(&live, index) else {
            return;
        };
        let execution = live[index];
        let end = match how {
            0 | 1 => End::Exited { code: 0 },
            2 => End::Exited { code: 3 },
            3 => End::DeadlineExceeded,
            _ => End::Signaled { signal: 9 },
        };
        if how < 2 {
            self.ledger
                .succeeded
                .insert((execution.run, execution.attempt));
        }
        for executor in &mut self.executors {
            executor.end(execution, end);
        }
    }

    /// Reports that are old, foreign or made up. They go straight to the stream.
    fn forge(&mut self, executor: u8, run: u8, kind: u8, twist: u8) {
        let Some(index) = pick(&self.ledger.executions, run) else {
            return;
        };
        let mut execution = self.ledger.executions[index];
        match twist {
            0 => {}
            1 => execution.token += 1,
            2 => execution.token -= 1,
            _ => execution.attempt += 1,
        }
        let forger = ExecutorId::new(Uuid::from_u128(100 + u128::from(executor % 2)));
        let at = self.now;
        let end = if kind.is_multiple_of(2) {
            End::Exited { code: 0 }
        } else {
            End::Lost
        };
        let report = match kind {
            0 if twist > 0 => Report::Claim(execution),
            0 | 1 => Report::Started { execution, at },
            _ => Report::Finished {
                execution,
                end,
                at,
                log_bytes: 0,
            },
        };
        // Who once held the slot repeats itself under another token.
        let holder = self
            .core
            .state()
            .runs
            .get(&execution.run)
            .and_then(|run| run.executor);
        let executor = holder.filter(|_| twist > 0).unwrap_or(forger);
        let message = ReportMessage { executor, report };
        let letter = Letter {
            message: message.clone(),
            from: None,
            incarnation: 0,
        };
        self.store(
            2,
            Message::Input(Input::Report(Box::new(message)), Some(letter)),
        );
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(std::time::Duration::from_secs(seconds));
        let mut ticks = 0;
        while self.handle(None, &Input::Tick, None) {
            ticks += 1;
            assert!(ticks < 10_000, "the clock never comes to rest");
        }
    }

    /// Everything on its way arrives once, in order.
    fn flow(&mut self) {
        self.collect();
        for letter in std::mem::take(&mut self.letters) {
            let input = Input::Report(Box::new(letter.message.clone()));
            self.store(2, Message::Input(input, Some(letter)));
        }
        for stream in [1, 2, 0] {
            while self.read(stream) {}
        }
        for command in std::mem::take(&mut self.run_commands) {
            match self
                .executors
                .iter_mut()
                .find(|executor| executor.takes(&command))
            {
                Some(executor) => executor.obey(&command),
                None => self.run_commands.push(command),
            }
        }
        self.collect();
    }

    fn round_trip(&self) -> String {
        let text = serde_json::to_string(self.core.state()).unwrap();
        assert_eq!(
            &serde_json::from_str::<State>(&text).unwrap(),
            self.core.state()
        );
        text
    }

    /// The leader dies; another folds the log and takes over.
    fn restart(&mut self, keep: usize, snapshot: bool) {
        let mut expected = None;
        for Decided { step, after, .. } in self.unacknowledged.drain(..).take(keep) {
            if let Some(stored) = step.commit {
                self.ledger.append(&stored.commit);
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
    fn stands(&self, start: &State) -> bool {
        let n = usize::try_from(start.head.n).unwrap();
        n <= self.log.len() && maestro_domain::Digest::of(&self.log[n - 1]) == start.head.hash
    }

    fn fold(&self, start: State) -> Core {
        let behind = usize::try_from(start.head.n).unwrap();
        let mut core = Core::new(start, digest_key());
        for bytes in &self.log[behind..] {
            core.apply(&Commit::decode(bytes).unwrap(), bytes).unwrap();
        }
        core
    }

    fn take_over(&mut self) {
        self.handle(
            None,
            &Input::TakeOver {
                instance: "leader".to_owned(),
            },
            None,
        );
    }

    /// I-5 and the state's own consistency.
    pub(crate) fn check(&self) {
        checks::consistent(self.core.state());
        let mut pools: BTreeMap<&PoolKey, (u32, u64)> = BTreeMap::new();
        let mut runs: BTreeMap<RunId, Execution> = BTreeMap::new();
        for execution in self.live() {
            let twin = runs.insert(execution.run, execution);
            assert_eq!(twin, None, "two executions of one run");
            let lease = &self.ledger.leases[&execution.token];
            let (live, oldest) = pools.entry(&lease.pool).or_insert((0, u64::MAX));
            (*live, *oldest) = (*live + 1, lease.n.min(*oldest));
        }
        for (pool, (live, oldest)) in pools {
            let largest = self.ledger.largest_since(pool, oldest);
            assert!(
                live <= largest,
                "{live} live executions on {largest} slots of {pool:?}"
            );
        }
    }

    /// I-7: with everybody at work again, every run ends and every slot is freed.
    pub(crate) fn heal(&mut self) {
        (self.stalled, self.answers) = (false, 0);
        self.acknowledge();
        self.now = self.now.max(self.core.state().head.at);
        for pool in 0..3 {
            self.resize(pool, 2);
        }
        for round in 0.. {
            assert!(round < 500, "not at rest: {:#?}", self.core.state());
            self.executors.iter_mut().for_each(Executor::start);
            self.executors.iter_mut().for_each(Executor::resend);
            self.flow();
            self.end_unended();
            self.flow();
            self.check();
            self.pass(600);
            if self.at_rest() {
                break;
            }
        }
        self.restart(0, false);
        let ended: Vec<_> = self.ledger.ended.keys().copied().collect();
        let mut requested = self.ledger.runs.clone();
        requested.sort_unstable();
        assert_eq!(ended, requested, "every run ended once");
        assert!(self.ledger.decided_all(self.streams[0].len() as u64));
        assert!(self.ledger.leases.values().all(|lease| lease.freed));
    }

    /// What belongs to an ended run must end because the leader asks for it.
    fn end_unended(&mut self) {
        let live: Vec<Execution> = self.live().collect();
        for (index, execution) in live.iter().enumerate().rev() {
            if !self.ledger.ended.contains_key(&execution.run) {
                self.end(u8::try_from(index).unwrap(), 0);
            }
        }
    }

    fn at_rest(&self) -> bool {
        let state = self.core.state();
        let pools = state
            .projects
            .values()
            .flat_map(|project| project.pools.values());
        state.runs.is_empty() && pools.into_iter().all(|pool| pool.leases.is_empty())
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
