//! The conductor on a real broker.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use maestro_conductor::Config;
use maestro_domain::{
    Command, Commit, Digest, Event, ExecutorId, ProjectId, Provider, Report, Stack, VaultKey,
    command::{Actor, CommandMessage, Outcome, Rejection},
    report::{End, Place, Reply, ReportMessage},
    run::RunCommand,
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
const WAIT: Duration = Duration::from_secs(5);

struct Bench {
    _nats: Nats,
    log: EventLog,
    vault: Vault,
}

impl Bench {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let settings = Settings {
            url: nats.url(),
            prefix: "maestro".into(),
            replicas: 1,
        };
        let log = EventLog::connect(&settings).await.unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        Self {
            _nats: nats,
            log,
            vault,
        }
    }

    fn conductor(&self, config: Config) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
        let stop = CancellationToken::new();
        let run =
            maestro_conductor::run(config, self.log.clone(), self.vault.clone(), stop.clone());
        (tokio::spawn(run), stop)
    }

    async fn command(&self, command: Command) -> Outcome {
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

    async fn seed(&self) {
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

    async fn deliver(&self, id: &str, body: &str) {
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

    async fn labelled(&self, issue: u64) {
        let body = serde_json::json!({
            "action": "labeled",
            "label": {"name": "run:dev"},
            "issue": {"number": issue, "title": "Fix it", "updated_at": "2026-11-20T00:00:00Z", "labels": []},
            "repository": {"id": 42, "name": "shop", "full_name": "acme/shop", "owner": {"login": "acme"}, "default_branch": "main"},
            "sender": {"id": 7, "login": "octocat"},
        });
        self.deliver(&format!("d-{issue}"), &body.to_string()).await;
    }

    async fn commits(&self) -> Vec<Commit> {
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

    async fn events_until(&self, wanted: &str, times: usize) -> Vec<Event> {
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

    async fn report(&self, report: Report) -> Reply {
        let pool = "default".parse().unwrap();
        let executor = ExecutorId::new(Uuid::from_u128(9));
        self.log
            .report(&pool, &ReportMessage { executor, report }, None, WAIT)
            .await
            .unwrap()
    }
}

fn quick() -> Config {
    Config {
        lease_ms: 1_000,
        snapshot_every: 3,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_a_run_command_and_its_end_a_fact() {
    let bench = Bench::start().await;
    let (running, stop) = bench.conductor(quick());
    bench.seed().await;
    bench.labelled(1).await;
    let mut queue = bench
        .log
        .run_commands(&"default".parse().unwrap())
        .await
        .unwrap();
    let job = tokio::time::timeout(WAIT, queue.next())
        .await
        .unwrap()
        .unwrap();
    let Ok(RunCommand::Start(start)) = &job.command else {
        panic!("{:?}", job.command)
    };
    let spec = bench
        .vault
        .get(&start.spec.key)
        .await
        .unwrap()
        .expect("the spec is in the vault");
    assert!(String::from_utf8_lossy(&spec).contains("Fix it"));
    let execution = start.execution;
    assert_eq!(bench.report(Report::Claim(execution)).await, Reply::Granted);
    let at = maestro_runtime::clock::now();
    bench
        .report(Report::Started {
            execution,
            at,
            place: Place::default(),
        })
        .await;
    let end = End::Exited { code: 0 };
    let finished = Report::Finished {
        execution,
        end,
        at,
        log_bytes: 0,
        detail: None,
    };
    assert_eq!(bench.report(finished).await, Reply::Recorded);
    let events = bench.events_until("run.finished", 1).await;
    assert_eq!(events.last().unwrap().type_name(), "slot.released");
    let outcome = bench
        .command(Command::CancelRun { run: execution.run })
        .await;
    assert_eq!(outcome.rejection, Some(Rejection::RunEnded));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_and_a_restart_continues_with_a_snapshot() {
    let bench = Bench::start().await;
    let (first, _) = bench.conductor(quick());
    bench.seed().await;
    let (second, stop) = bench.conductor(quick());
    first.abort();
    bench.labelled(1).await;
    bench.events_until("run.dispatched", 1).await;
    let epochs: Vec<u64> = bench
        .commits()
        .await
        .iter()
        .map(|commit| commit.epoch)
        .collect();
    assert_eq!(*epochs.last().unwrap(), 2, "{epochs:?}");
    stop.cancel();
    second.await.unwrap().unwrap();
    maestro_testkit::wait_until(WAIT, || async {
        !bench.log.list_snapshots().await.unwrap().is_empty()
    })
    .await;
    let (third, stop) = bench.conductor(quick());
    bench.labelled(2).await;
    bench.events_until("run.dispatched", 2).await;
    stop.cancel();
    third.await.unwrap().unwrap();
    let commits = bench.commits().await;
    assert!(
        commits
            .windows(2)
            .all(|pair| pair[1].prev == Digest::of(&pair[0].encode()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_and_what_comes_behind_is_decided() {
    let bench = Bench::start().await;
    let (_running, _stop) = bench.conductor(quick());
    bench.seed().await;
    bench.deliver("poison", "this is not JSON").await;
    bench.labelled(1).await;
    let events = bench.events_until("run.requested", 1).await;
    assert!(
        events
            .iter()
            .any(|event| event.type_name() == "input.parked"),
        "{events:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_is_decided_once_over_many_leaders() {
    let bench = Bench::start().await;
    let (first, _) = bench.conductor(quick());
    bench.seed().await;
    let total = 200;
    let deliveries = async {
        for issue in 1..=total {
            bench.labelled(issue).await;
        }
    };
    let crashes = async {
        let mut current = first;
        for round in 1..=3 {
            bench.events_until("delivery.decided", round * 10).await;
            current.abort();
            current = bench.conductor(quick()).0;
        }
    };
    tokio::join!(deliveries, crashes);
    let events = bench
        .events_until("delivery.decided", usize::try_from(total).unwrap())
        .await;
    let mut ids: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::DeliveryDecided(decided) => Some(decided.delivery.clone()),
            _ => None,
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), usize::try_from(total).unwrap());
    let requested = events
        .iter()
        .filter(|event| event.type_name() == "run.requested")
        .count();
    assert_eq!(requested, ids.len());
}
