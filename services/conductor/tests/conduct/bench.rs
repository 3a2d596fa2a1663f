//! A broker, a vault, and conductors on them.

use std::time::Duration;

use maestro_conductor::Config;
use maestro_domain::{
    Command, Commit, Digest, Event, ExecutorId, ProjectId, Provider, Report, Stack, VaultKey,
    command::{Actor, CommandMessage, Outcome},
    report::{Reply, ReportMessage},
    sealed::Seal,
};
use maestro_eventlog::{Delivery, EventLog, Settings, Stream, Vault, VaultKeys};
use maestro_testkit::Nats;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: test}
spec:
  triggers:
    - name: on-label
      on: {event: issues, actions: [labeled]}
      run: agent
  runs:
    agent: {command: ["true"], prompt: "{{ issue.title }}"}
"#;
pub(crate) const WAIT: Duration = Duration::from_secs(5);

pub(crate) struct Bench {
    pub(crate) nats: Nats,
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let nats = Nats::start().await;
        let settings = Settings {
            url: nats.url(),
            prefix: "maestro".into(),
            replicas: 1,
        };
        let log = EventLog::connect(&settings).await.unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        Self { nats, log, vault }
    }

    pub(crate) fn conductor(
        &self,
        config: Config,
    ) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
        let stop = CancellationToken::new();
        let run =
            maestro_conductor::run(config, self.log.clone(), self.vault.clone(), stop.clone());
        (tokio::spawn(run), stop)
    }

    pub(crate) async fn command(&self, command: Command) -> Outcome {
        let key = Uuid::new_v4().simple().to_string().parse().unwrap();
        let actor = Actor::System("test".parse().unwrap());
        let message = CommandMessage {
            key,
            actor,
            reason: Some("because".into()),
            command,
        };
        self.log.submit(&message, None, WAIT).await.unwrap()
    }

    pub(crate) async fn seed(&self) {
        Stack::parse(STACK).unwrap();
        let project = ProjectId::new(Uuid::from_u128(1));
        let digest = Digest::of(STACK.as_bytes());
        let seal = Seal {
            key: VaultKey::stack(&digest),
            plaintext: STACK.into(),
        };
        self.vault.put(&seal.key, &seal.plaintext).await.unwrap();
        let document = seal.reference(&self.vault.digest_key());
        for command in [
            Command::CreateProject {
                project,
                slug: "default".parse().unwrap(),
            },
            Command::ResizePool {
                project,
                pool: "default".parse().unwrap(),
                size: 2,
            },
            Command::SetStack {
                project,
                digest,
                document,
            },
        ] {
            assert_eq!(self.command(command).await.rejection, None);
        }
    }

    pub(crate) async fn deliver(&self, id: &str, body: &str) {
        let delivery = Delivery {
            provider: "github".parse::<Provider>().unwrap(),
            event: "issues".into(),
            repository: Some(("acme".into(), "shop".into())),
            id: id.parse().unwrap(),
            hook_id: None,
            form: false,
            body: body.to_owned().into(),
            received_at: maestro_runtime::clock::now(),
            traceparent: None,
        };
        self.log.store_delivery(&delivery).await.unwrap();
    }

    pub(crate) async fn labelled(&self, issue: u64) {
        let body = serde_json::json!({
            "action": "labeled",
            "label": {"name": "run:dev"},
            "issue": {"number": issue, "title": "Fix it", "updated_at": "2026-11-20T00:00:00Z", "labels": []},
            "repository": {"id": 42, "name": "shop", "full_name": "acme/shop", "owner": {"login": "acme"}, "default_branch": "main"},
            "sender": {"id": 7, "login": "octocat"},
        });
        self.deliver(&format!("d-{issue}"), &body.to_string()).await;
    }

    pub(crate) async fn commits(&self) -> Vec<Commit> {
        let last = self
            .log
            .stream_state(Stream::Events)
            .await
            .unwrap()
            .last_seq;
        let mut commits = Vec::new();
        for seq in 1..=last {
            commits.push(Commit::decode(&self.log.commit(seq).await.unwrap().unwrap()).unwrap());
        }
        commits
    }

    pub(crate) async fn events_until(&self, wanted: &str, times: usize) -> Vec<Event> {
        let mut reader = self.log.read(Stream::Events, 1);
        let mut events = Vec::new();
        let read = async {
            while events
                .iter()
                .filter(|event: &&Event| event.type_name() == wanted)
                .count()
                < times
            {
                let message = reader.next().await.unwrap();
                events.extend(Commit::decode(&message.payload).unwrap().events().cloned());
            }
        };
        tokio::time::timeout(Duration::from_secs(15), read)
            .await
            .expect(wanted);
        events
    }

    pub(crate) async fn report(&self, report: Report) -> Reply {
        self.report_of(9, report).await
    }

    /// A report of the executor with this number.
    pub(crate) async fn report_of(&self, n: u128, report: Report) -> Reply {
        let pool = "default".parse().unwrap();
        let executor = executor(n);
        self.log
            .report(&pool, &ReportMessage { executor, report }, None, WAIT)
            .await
            .unwrap()
    }
}

pub(crate) fn executor(n: u128) -> ExecutorId {
    ExecutorId::new(Uuid::from_u128(n))
}

pub(crate) fn quick() -> Config {
    Config {
        lease_ms: 1_000,
        snapshot_every: 3,
        ..Config::default()
    }
}
