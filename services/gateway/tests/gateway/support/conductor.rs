use std::sync::Arc;

use maestro_domain::{
    Command, Core, DeliveryFacts, Digest, ExecutorId, Report, RunId, Stack, State, Timestamp,
    command::{Actor, CommandMessage},
    core::{COMMANDS, DELIVERIES, Facts, Input, Origin, REPORTS, Stacks},
    delivery::{Person, Repository},
    digest::DigestKey,
    ids::{PersonRef, RepositoryRef},
    report::{Execution, ReportMessage},
    sealed::Sealed,
};
use maestro_eventlog::{Appender, EventLog, Stream, Vault};
use uuid::Uuid;

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: shop}
spec:
  triggers:
    - name: check
      on: {event: push}
      run: check
  runs:
    check: {command: ["make", "check"], timeout: 5m}
"#;

struct OneStack(Digest, Arc<Stack>);

impl Stacks for OneStack {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        (*digest == self.0).then(|| Arc::clone(&self.1))
    }
}

/// The real core on the real log, one input at a time.
pub struct Conductor {
    core: Core,
    log: EventLog,
    vault: Vault,
    appender: Appender,
    stack: OneStack,
    seqs: [u64; 3],
    revision: u64,
}

impl Conductor {
    /// Leads an empty log and creates project `shop` with two slots.
    pub async fn new(log: &EventLog, vault: &Vault) -> Self {
        let digest = Digest::of(STACK.as_bytes());
        let mut conductor = Self {
            core: Core::new(State::default(), DigestKey::new([7; 32])),
            log: log.clone(),
            vault: vault.clone(),
            appender: log.appender(0),
            stack: OneStack(digest, Arc::new(Stack::parse(STACK).unwrap())),
            seqs: [0; 3],
            revision: 0,
        };
        let project = maestro_domain::ProjectId::new(Uuid::from_u128(1));
        conductor
            .step(
                None,
                &Input::TakeOver {
                    instance: "test".into(),
                },
            )
            .await;
        let document = Sealed {
            key: maestro_domain::VaultKey::stack(&digest),
            digest,
        };
        let repository = RepositoryRef {
            provider: "github".parse().unwrap(),
            id: 40,
        };
        for command in [
            Command::CreateProject {
                project,
                slug: "shop".parse().unwrap(),
            },
            Command::SetStack {
                project,
                digest,
                document,
            },
            Command::AttachRepository {
                project,
                repository,
            },
            Command::ResizePool {
                project,
                pool: "default".parse().unwrap(),
                size: 2,
            },
        ] {
            let key = Uuid::new_v4().to_string().parse().unwrap();
            let actor = Actor::System("test".parse().unwrap());
            let message = CommandMessage {
                key,
                actor,
                reason: None,
                command,
            };
            // These do not come out of COMMANDS, so they leave its cursor alone.
            let origin = Origin {
                stream: REPORTS,
                of: "one".into(),
                seq: conductor.next(2),
            };
            conductor
                .step(Some(origin), &Input::Command(Box::new(message)))
                .await;
        }
        conductor
    }

    fn next(&mut self, index: usize) -> u64 {
        self.seqs[index] += 1;
        self.seqs[index]
    }

    /// Deals with one input; the last revision of the log afterwards.
    async fn step(
        &mut self,
        origin: Option<Origin>,
        input: &Input,
    ) -> (u64, Option<maestro_domain::report::Reply>) {
        let now = maestro_runtime::clock::now();
        let facts = Facts {
            now,
            traceparent: None,
        };
        let step = self
            .core
            .handle(origin.as_ref(), input, &facts, &self.stack);
        for seal in &step.seals {
            self.vault.put(&seal.key, &seal.plaintext).await.unwrap();
        }
        if let Some(stored) = step.commit {
            self.revision = stored.commit.n;
            let subject = stored.commit.subject();
            let appended =
                self.appender
                    .append(stored.commit.n, &subject, stored.bytes.into(), None);
            appended.await.unwrap();
        }
        (self.revision, step.reply)
    }

    /// A webhook comes in; its revision.
    pub async fn deliver(&mut self, facts: DeliveryFacts) -> u64 {
        let origin = Origin {
            stream: DELIVERIES,
            of: "one".into(),
            seq: self.next(0),
        };
        self.step(Some(origin), &Input::Delivery(Box::new(facts)))
            .await
            .0
    }

    /// An executor reports; the revision of it.
    pub async fn report(&mut self, report: Report) -> u64 {
        let executor = ExecutorId::new(Uuid::from_u128(9));
        let origin = Origin {
            stream: REPORTS,
            of: "one".into(),
            seq: self.next(2),
        };
        let message = ReportMessage { executor, report };
        self.step(Some(origin), &Input::Report(Box::new(message)))
            .await
            .0
    }

    /// Decides the commands in COMMANDS, for ever.
    pub async fn decide_commands(mut self) {
        let mut commands = self.log.read(Stream::Commands, 1);
        loop {
            let message = commands.next().await.unwrap();
            let command: CommandMessage = serde_json::from_slice(&message.payload).unwrap();
            let origin = Origin {
                stream: COMMANDS,
                of: "one".into(),
                seq: message.seq,
            };
            let (_, reply) = self
                .step(Some(origin), &Input::Command(Box::new(command)))
                .await;
            if let (Some(inbox), Some(reply)) = (&message.reply_to, reply) {
                self.log.answer(inbox, &reply).await.unwrap();
            }
        }
    }
}

/// A push to the repository of project `shop`.
pub fn push(number: u64) -> DeliveryFacts {
    let provider: maestro_domain::Provider = "github".parse().unwrap();
    DeliveryFacts {
        id: format!("push-{number}").parse().unwrap(),
        provider: provider.clone(),
        event: "push".into(),
        action: None,
        repository: Some(Repository {
            reference: RepositoryRef {
                provider: provider.clone(),
                id: 40,
            },
            full_name: "acme/shop".into(),
            default_branch: Some("main".into()),
        }),
        sender: Some(Person {
            reference: PersonRef { provider, id: 7 },
            login: "octocat".into(),
        }),
        received_at: Timestamp::from_millis(1_795_176_000_000),
        branch: Some("main".into()),
        number: None,
        label: None,
        labels: Vec::new(),
        paths: Vec::new(),
        commit: None,
        identity: vec![number.to_string()],
        body: Digest::of(&number.to_be_bytes()),
        payload: serde_json::json!({}),
    }
}

/// The first attempt at a run under its first lease.
pub fn execution(run: RunId, token: u64) -> Execution {
    Execution {
        run,
        attempt: 1,
        token,
    }
}
