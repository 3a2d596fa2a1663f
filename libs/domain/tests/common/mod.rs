//! A small world around the core: it feeds inputs, keeps the log, and folds it a second time to
//! check that replay leads to the same state.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

use std::sync::Arc;

use maestro_domain::{
    Command, Commit, Core, DeliveryFacts, Digest, Event, ExecutorId, Name, ProjectId, Report,
    RunId, Stack, State, Timestamp, VaultKey,
    command::{Actor, CommandMessage},
    core::{COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Stacks, Step},
    delivery::{Person, Repository},
    digest::DigestKey,
    ids::{PersonRef, RepositoryRef},
    report::{End, Execution, Membership, Order, Reply, ReportMessage},
    run::RunCommand,
    sealed::Sealed,
};
use serde_json::json;
use uuid::Uuid;

pub const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: shop}
spec:
  triggers:
    - name: agent-dev
      on: {event: issues, actions: [labeled], labels: ["run:dev"]}
      run: agent
    - name: on-push
      on: {event: push, branches: [main, "release/**"], paths: ["src/**"]}
      run: check
    - name: latest-only
      on: {event: pull_request}
      when: "number > 3"
      run: check
      concurrency: {group: "pr-{{ number }}", cancelSuperseded: true}
  runs:
    agent:
      command: ["agent", "work"]
      timeout: 15m
      env: {TITLE: "{{ issue.title }}"}
      prompt: "Implement issue #{{ issue.number }}: {{ issue.title }}"
    check:
      command: ["make", "check"]
      timeout: 5m
"#;

struct OneStack(Digest, Arc<Stack>);

impl OneStack {
    fn parse(text: &str) -> Self {
        let digest = Digest::of(text.as_bytes());
        Self(digest, Arc::new(Stack::parse(text).unwrap()))
    }
}

impl Stacks for OneStack {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        (*digest == self.0).then(|| Arc::clone(&self.1))
    }
}

pub struct World {
    pub core: Core,
    pub now: Timestamp,
    pub log: Vec<Vec<u8>>,
    pub sent: Vec<RunCommand>,
    pub orders: Vec<(ExecutorId, Order)>,
    pub project: ProjectId,
    seqs: [u64; 3],
    stack: OneStack,
}

pub fn key() -> DigestKey {
    DigestKey::new([7; 32])
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn executor(n: u128) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(n))
}

impl World {
    /// A default project with a pool of `size` slots.
    pub fn new(size: u32) -> Self {
        Self::with_stack(STACK, size)
    }

    /// The same with a stack of the test's own.
    pub fn with_stack(text: &str, size: u32) -> Self {
        let stack = OneStack::parse(text);
        let project = ProjectId::new(Uuid::from_u128(1));
        let mut world = Self {
            core: Core::new(State::default(), key()),
            now: Timestamp::from_millis(1_795_176_000_000),
            log: Vec::new(),
            sent: Vec::new(),
            orders: Vec::new(),
            project,
            seqs: [0; 3],
            stack,
        };
        world.step(
            None,
            &Input::TakeOver {
                instance: "one".into(),
            },
        );
        world.command(Command::CreateProject {
            project,
            slug: name("default"),
        });
        world.set_stack(text);
        world.command(Command::ResizePool {
            project,
            pool: name("default"),
            size,
        });
        world
    }

    pub fn set_stack(&mut self, text: &str) {
        self.stack = OneStack::parse(text);
        self.set_stack_of(self.project);
    }

    /// Gives a project the stack of this world.
    pub fn set_stack_of(&mut self, project: ProjectId) {
        let digest = self.stack.0;
        let document = Sealed {
            key: VaultKey::stack(&digest),
            digest,
        };
        self.command(Command::SetStack {
            project,
            digest,
            document,
        });
    }

    pub fn step(&mut self, origin: Option<Origin>, input: &Input) -> Step {
        let facts = Facts {
            now: self.now,
            traceparent: None,
        };
        self.step_with(origin, input, &facts)
    }

    pub fn step_with(&mut self, origin: Option<Origin>, input: &Input, facts: &Facts) -> Step {
        let step = self.core.handle(origin.as_ref(), input, facts, &self.stack);
        if let Some(stored) = &step.commit {
            self.log.push(stored.bytes.clone());
        }
        self.sent.extend(step.run_commands.iter().cloned());
        self.orders.extend(step.orders.iter().cloned());
        step
    }

    fn origin(&mut self, index: usize, stream: &'static str) -> Option<Origin> {
        self.seqs[index] += 1;
        Some(Origin {
            stream,
            of: "one".into(),
            seq: self.seqs[index],
        })
    }

    pub fn command(&mut self, command: Command) -> Reply {
        let key = format!("key-{}", self.seqs[0] + 1);
        self.command_with_key(command, &key)
    }

    pub fn command_with_key(&mut self, command: Command, key: &str) -> Reply {
        let actor = Actor::System(name("test"));
        let message = CommandMessage {
            key: key.parse().unwrap(),
            actor,
            reason: None,
            command,
        };
        let origin = self.origin(0, COMMANDS);
        self.step(origin, &Input::Command(Box::new(message)))
            .reply
            .unwrap()
    }

    pub fn report(&mut self, by: u128, report: Report) -> Reply {
        let message = ReportMessage {
            executor: executor(by),
            report,
        };
        let origin = self.origin(1, REPORTS);
        self.step(origin, &Input::Report(Box::new(message)))
            .reply
            .unwrap()
    }

    /// An executor starts and shows what it has.
    pub fn joins(&mut self, by: u128, site: &str, executions: Vec<Execution>) -> Reply {
        let membership = Some(Membership {
            site: name(site),
            backend: name("process"),
        });
        let pool = name("default");
        self.report(
            by,
            Report::Inventory {
                pool,
                executions,
                membership,
            },
        )
    }

    /// Nothing is heard of an executor for so long; repeated until nothing follows from it.
    pub fn silent(&mut self, by: u128, seconds: u64) {
        let silent = Input::Silent {
            executor: executor(by),
            lasting: std::time::Duration::from_secs(seconds),
        };
        while self.step(None, &silent).commit.is_some() {}
    }

    pub fn deliver(&mut self, facts: DeliveryFacts) -> Step {
        let origin = self.origin(2, DELIVERIES);
        self.step(origin, &Input::Delivery(Box::new(facts)))
    }

    pub fn finish(&mut self, execution: Execution, end: End) -> Reply {
        let at = self.now;
        self.report(
            1,
            Report::Finished {
                execution,
                end,
                at,
                log_bytes: 0,
                detail: None,
            },
        )
    }

    /// Lets time pass and fires what is due.
    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(std::time::Duration::from_secs(seconds));
        while self.step(None, &Input::Tick).commit.is_some() {}
    }

    /// A labelled issue: requests one run of `agent-dev`.
    pub fn labelled(&mut self, issue: u64) -> RunId {
        let step = self.deliver(issue_labelled(&format!("d-{issue}"), issue));
        step.commit
            .unwrap()
            .commit
            .events()
            .find_map(Event::run)
            .expect("a run was requested")
    }

    pub fn execution(&self, run: RunId) -> Execution {
        self.core.state().runs[&run].execution(run)
    }

    pub fn events(&self) -> Vec<Event> {
        let commits = self.log.iter().map(|bytes| Commit::decode(bytes).unwrap());
        commits
            .flat_map(|commit| commit.events().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Folds the log from nothing.
    pub fn replayed(&self) -> State {
        let mut core = Core::new(State::default(), key());
        for bytes in &self.log {
            core.apply(&Commit::decode(bytes).unwrap(), bytes).unwrap();
        }
        core.state().clone()
    }
}

pub fn delivery(id: &str, event: &str) -> DeliveryFacts {
    let provider: maestro_domain::Provider = "github".parse().unwrap();
    DeliveryFacts {
        id: id.parse().unwrap(),
        provider: provider.clone(),
        event: event.into(),
        action: None,
        repository: Some(Repository {
            reference: RepositoryRef {
                provider: provider.clone(),
                id: 42,
            },
            full_name: "acme/shop".into(),
            default_branch: Some("main".into()),
        }),
        sender: Some(Person {
            reference: PersonRef { provider, id: 7 },
            login: "octocat".into(),
        }),
        received_at: Timestamp::from_millis(1_795_176_000_000),
        branch: None,
        number: None,
        label: None,
        labels: Vec::new(),
        paths: Vec::new(),
        commit: None,
        identity: Vec::new(),
        body: Digest::of(id.as_bytes()),
        payload: json!({}),
    }
}

pub fn issue_labelled(id: &str, issue: u64) -> DeliveryFacts {
    DeliveryFacts {
        action: Some("labeled".into()),
        number: Some(issue),
        label: Some("run:dev".into()),
        identity: vec![
            issue.to_string(),
            "labeled".into(),
            "run:dev".into(),
            "t1".into(),
        ],
        payload: json!({"issue": {"number": issue, "title": "Fix the till"}}),
        ..delivery(id, "issues")
    }
}
