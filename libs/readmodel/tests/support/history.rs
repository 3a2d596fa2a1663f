use std::{collections::BTreeMap, sync::Arc, time::Duration};

use maestro_domain::{
    Command, Core, DeliveryFacts, Digest, Event, ExecutorId, Name, ProjectId, Report, RunId, Stack,
    State, Timestamp, VaultKey,
    command::{Actor, CommandMessage},
    core::{COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Stacks},
    delivery::{Person, Repository},
    digest::DigestKey,
    event::{InputProblem, RunRequested},
    ids::{PersonRef, RepositoryRef},
    report::{End, Execution, Membership, Place, ReportMessage},
    sealed::Sealed,
};
use serde_json::json;
use uuid::Uuid;

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: shop}
spec:
  triggers:
    - name: agent-dev
      on: {event: issues, actions: [labeled], labels: ["run:dev"]}
      run: agent
    - name: check
      on: {event: push}
      run: check
  runs:
    agent: {command: ["agent"], timeout: 15m}
    check: {command: ["make", "check"], timeout: 5m}
"#;

pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct OneStack(Digest, Arc<Stack>);

impl Stacks for OneStack {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        (*digest == self.0).then(|| Arc::clone(&self.1))
    }
}

/// Commits of the real core.
pub struct History {
    pub core: Core,
    pub now: Timestamp,
    pub commits: Vec<Vec<u8>>,
    pub project: ProjectId,
    /// Requests of all runs so far.
    pub requests: BTreeMap<RunId, RunRequested>,
    /// What had to go into the vault so far.
    pub sealed: Vec<(VaultKey, String)>,
    seqs: [u64; 3],
    stack: OneStack,
}

pub fn executor(number: u128) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(number))
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl History {
    /// A project `shop` with a pool `default` of `size` slots and three repositories.
    pub fn new(size: u32) -> Self {
        let digest = Digest::of(STACK.as_bytes());
        let mut history = Self {
            core: Core::new(State::default(), DigestKey::new([7; 32])),
            now: Timestamp::from_millis(1_795_176_000_000),
            commits: Vec::new(),
            project: ProjectId::new(Uuid::from_u128(1)),
            requests: BTreeMap::new(),
            sealed: Vec::new(),
            seqs: [0; 3],
            stack: OneStack(digest, Arc::new(Stack::parse(STACK).unwrap())),
        };
        let project = history.project;
        history.step(
            None,
            &Input::TakeOver {
                instance: "one".into(),
            },
        );
        history.command(Command::CreateProject {
            project,
            slug: name("shop"),
        });
        let document = Sealed {
            key: VaultKey::stack(&digest),
            digest,
        };
        history.command(Command::SetStack {
            project,
            digest,
            document,
        });
        for id in 40..43 {
            let repository = RepositoryRef {
                provider: "github".parse().unwrap(),
                id,
            };
            history.command(Command::AttachRepository {
                project,
                repository,
            });
        }
        history.resize(size);
        history
    }

    pub fn last(&self) -> u64 {
        self.commits.len() as u64
    }

    fn step(&mut self, origin: Option<Origin>, input: &Input) -> Vec<Event> {
        self.now = self.now.after(Duration::from_millis(7));
        let facts = Facts {
            now: self.now,
            traceparent: Some(TRACEPARENT.into()),
        };
        let step = self
            .core
            .handle(origin.as_ref(), input, &facts, &self.stack);
        let seals = step.seals.iter().map(|seal| {
            let text = String::from_utf8_lossy(&seal.plaintext).into_owned();
            (seal.key.clone(), text)
        });
        self.sealed.extend(seals);
        let Some(stored) = step.commit else {
            return Vec::new();
        };
        self.commits.push(stored.bytes);
        for event in stored.commit.events() {
            if let Event::RunRequested(requested) = event {
                self.requests.insert(requested.run, (**requested).clone());
            }
        }
        stored.commit.events().cloned().collect()
    }

    fn origin(&mut self, index: usize, stream: &'static str) -> Option<Origin> {
        self.seqs[index] += 1;
        Some(Origin {
            stream,
            of: "one".into(),
            seq: self.seqs[index],
        })
    }

    pub fn command(&mut self, command: Command) {
        let message = CommandMessage {
            key: format!("key-{}", self.seqs[0] + 1).parse().unwrap(),
            actor: Actor::System(name("test")),
            reason: None,
            command,
        };
        let origin = self.origin(0, COMMANDS);
        self.step(origin, &Input::Command(Box::new(message)));
    }

    pub fn resize(&mut self, size: u32) {
        let (project, pool) = (self.project, name("default"));
        self.command(Command::ResizePool {
            project,
            pool,
            size,
        });
    }

    pub fn report(&mut self, report: Report) {
        self.report_as(executor(9), report);
    }

    pub fn report_as(&mut self, executor: ExecutorId, report: Report) {
        let origin = self.origin(1, REPORTS);
        self.step(
            origin,
            &Input::Report(Box::new(ReportMessage { executor, report })),
        );
    }

    /// An executor of site `here` serves the pool.
    pub fn join(&mut self, executor: ExecutorId) {
        let membership = Some(Membership {
            site: name("here"),
            backend: name("process"),
        });
        self.report_as(
            executor,
            Report::Inventory {
                pool: name("default"),
                executions: Vec::new(),
                membership,
            },
        );
    }

    /// Nothing was heard of an executor for so long.
    pub fn silent(&mut self, executor: ExecutorId, lasting: Duration) {
        self.step(None, &Input::Silent { executor, lasting });
    }

    pub fn heard(&mut self, executor: ExecutorId) {
        self.step(None, &Input::Heard { executor });
    }

    pub fn pause(&mut self, paused: bool) {
        let (project, pool) = (self.project, name("default"));
        self.command(if paused {
            Command::PausePool { project, pool }
        } else {
            Command::ResumePool { project, pool }
        });
    }

    /// Repeats a run that has ended; the new run has this number as its id.
    pub fn retry(&mut self, run: RunId, number: u128) -> RunId {
        let request = Box::new(self.requests[&run].clone());
        let run = RunId::new(Uuid::from_u128(number));
        self.command(Command::RetryRun { request, run });
        run
    }

    pub fn poison(&mut self, id: &str) {
        let input = Input::Poison {
            problem: InputProblem::Undecodable,
            delivery: Some(id.parse().unwrap()),
        };
        let origin = self.origin(2, DELIVERIES);
        self.step(origin, &input);
    }

    /// A delivery of any event; returns the runs it requested.
    pub fn deliver(&mut self, id: &str, event: &str, number: u64) -> Vec<RunId> {
        let facts = facts(id, event, number, self.now);
        let origin = self.origin(2, DELIVERIES);
        let events = self.step(origin, &Input::Delivery(Box::new(facts)));
        let requested = events.iter().filter_map(|event| match event {
            Event::RunRequested(requested) => Some(requested.run),
            _ => None,
        });
        requested.collect()
    }

    /// A labelled issue: one run.
    pub fn run(&mut self, number: u64) -> RunId {
        self.deliver(&format!("delivery-{number}"), "issues", number)[0]
    }

    pub fn execution(&self, run: RunId) -> Execution {
        self.core.state().runs[&run].execution(run)
    }

    pub fn start(&mut self, run: RunId) -> Execution {
        self.start_on(executor(9), run)
    }

    pub fn start_on(&mut self, executor: ExecutorId, run: RunId) -> Execution {
        let execution = self.execution(run);
        self.report_as(executor, Report::Claim(execution));
        let place = Place {
            pod: Some(format!("pod-{}", execution.attempt)),
            node: Some("node-a".into()),
            ..Place::default()
        };
        self.report_as(
            executor,
            Report::Started {
                place,
                execution,
                at: self.now,
            },
        );
        execution
    }

    /// The end of an execution, reported by who holds its lease.
    pub fn finish(&mut self, execution: Execution, end: End) {
        let at = self.now;
        let run = self.core.state().runs.get(&execution.run);
        let holder = run.and_then(|run| run.executor).unwrap_or(executor(9));
        let said = !matches!(end, End::Exited { .. } | End::Canceled);
        self.report_as(
            holder,
            Report::Finished {
                execution,
                end,
                at,
                log_bytes: 11,
                detail: said.then(|| format!("attempt {} was seen to end", execution.attempt)),
            },
        );
    }

    /// Lets time pass and fires what is due.
    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        while !self.step(None, &Input::Tick).is_empty() {}
    }
}

fn facts(id: &str, event: &str, number: u64, now: Timestamp) -> DeliveryFacts {
    let provider: maestro_domain::Provider = "github".parse().unwrap();
    DeliveryFacts {
        id: id.parse().unwrap(),
        provider: provider.clone(),
        event: event.into(),
        action: (event == "issues").then(|| "labeled".into()),
        repository: Some(Repository {
            reference: RepositoryRef {
                provider: provider.clone(),
                id: 40 + number % 3,
            },
            full_name: "acme/shop".into(),
            default_branch: Some("main".into()),
        }),
        sender: Some(Person {
            reference: PersonRef { provider, id: 7 },
            login: "octocat".into(),
        }),
        received_at: now,
        branch: Some("main".into()),
        number: (event == "issues").then_some(number),
        label: (event == "issues").then(|| "run:dev".into()),
        labels: Vec::new(),
        paths: Vec::new(),
        commit: None,
        identity: vec![event.into(), number.to_string()],
        body: Digest::of(id.as_bytes()),
        payload: json!({"issue": {"number": number, "title": "Fix the till"}}),
    }
}
