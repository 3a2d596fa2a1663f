//! The projector on a real broker and a real Postgres.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use maestro_domain::{
    Commit, Digest, Event, PersonRef, ProjectId, RepositoryRef, Timestamp, VaultKey,
    command::Actor,
    commit::{COMMIT_VERSION, Cause, Record},
    event::{DecisionReason, DeliveryDecided},
};
use maestro_eventlog::{Appender, EventLog, Settings, Vault, VaultKeys};
use maestro_projector::Config;
use maestro_readmodel::{DeliveryFilter, PageRequest, ReadModel, projections};
use maestro_testkit::{Nats, Postgres, wait_until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(60);

struct Bench {
    log: EventLog,
    vault: Vault,
    appender: Appender,
    n: u64,
    prev: Digest,
}

impl Bench {
    async fn new(nats: &Nats) -> Self {
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        Self {
            appender: log.appender(0),
            log,
            vault,
            n: 0,
            prev: Digest::ZERO,
        }
    }

    fn project(&self, model: &ReadModel) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
        let stop = CancellationToken::new();
        let (log, vault) = (self.log.clone(), self.vault.clone());
        let run =
            maestro_projector::run(Config::default(), log, vault, model.clone(), stop.clone());
        (tokio::spawn(run), stop)
    }

    async fn append(&mut self, event: Event) {
        self.n += 1;
        let commit = Commit {
            v: COMMIT_VERSION,
            n: self.n,
            epoch: 1,
            at: Timestamp::from_millis(1_795_176_000_000),
            prev: self.prev,
            cause: Cause {
                stream: "DELIVERIES".into(),
                seq: self.n,
                id: None,
            },
            cursors: [].into(),
            actor: Actor::System("test".parse().unwrap()),
            reason: None,
            traceparent: None,
            project: Some("shop".parse().unwrap()),
            events: vec![Record(event)],
        };
        let bytes = commit.encode();
        self.prev = Digest::of(&bytes);
        let appending = self
            .appender
            .append(self.n, &commit.subject(), bytes.into(), None);
        appending.await.unwrap();
    }

    async fn decide(&mut self, id: &str) {
        let provider: maestro_domain::Provider = "github".parse().unwrap();
        let repository = RepositoryRef {
            provider: provider.clone(),
            id: 40,
        };
        let sender = PersonRef {
            provider: provider.clone(),
            id: 7,
        };
        self.vault
            .put(&VaultKey::repository_name(&repository), b"acme/shop")
            .await
            .unwrap();
        self.vault
            .put(&VaultKey::person_login(&sender), b"octocat")
            .await
            .unwrap();
        let decided = DeliveryDecided {
            delivery: id.parse().unwrap(),
            provider,
            event: "issues".into(),
            action: None,
            project: Some(ProjectId::new(Uuid::from_u128(1))),
            repository: Some(repository),
            sender: Some(sender),
            number: None,
            received_at: Timestamp::from_millis(1_795_176_000_000),
            reason: DecisionReason::NoTriggers,
            triggers: Vec::new(),
        };
        self.append(Event::DeliveryDecided(Box::new(decided))).await;
    }

    async fn caught_up(&self, model: &ReadModel) {
        for name in [
            projections::JOURNAL,
            projections::DELIVERIES,
            projections::RUNS,
        ] {
            wait_until(SOON, || async {
                model
                    .revision(name)
                    .await
                    .is_ok_and(|revision| revision == self.n)
            })
            .await;
        }
    }
}

#[tokio::test]
async fn commits_become_rows_with_names_from_the_vault() {
    let nats = Nats::start().await;
    let mut bench = Bench::new(&nats).await;
    let model = ReadModel::connect(&Postgres::shared().await.database().await).unwrap();
    bench.decide("first").await;
    let (running, stop) = bench.project(&model);
    bench.caught_up(&model).await;

    let (any, first) = (DeliveryFilter::default(), PageRequest::default());
    let page = model.list_deliveries(&any, &first).await.unwrap();
    assert_eq!(page.rows[0].repository.as_deref(), Some("acme/shop"));
    assert_eq!(page.rows[0].sender.as_deref(), Some("octocat"));

    stop.cancel();
    running.await.unwrap().unwrap();
    bench.decide("second").await;
    let (_running, _stop) = bench.project(&model);
    bench.caught_up(&model).await;
    assert_eq!(
        model
            .list_deliveries(&any, &first)
            .await
            .unwrap()
            .rows
            .len(),
        2
    );
}

#[tokio::test]
async fn postgres_and_the_broker_may_go_away() {
    let mut nats = Nats::durable().await;
    let mut bench = Bench::new(&nats).await;
    let mut postgres = Postgres::start().await;
    let model = ReadModel::connect(&postgres.database().await).unwrap();
    postgres.stop().await;
    bench.decide("while-postgres-was-never-there").await;
    let (_running, _stop) = bench.project(&model);
    assert!(
        model
            .revision(projections::RUNS)
            .await
            .unwrap_err()
            .is_unavailable()
    );
    postgres.start_again().await;
    bench.caught_up(&model).await;

    postgres.kill9().await;
    bench.decide("while-postgres-was-away").await;
    postgres.start_again().await;
    bench.caught_up(&model).await;

    nats.kill9().await;
    nats.start_again().await;
    wait_until(SOON, || async { bench.log.ping().await.is_ok() }).await;
    bench.decide("after-the-broker-came-back").await;
    bench.caught_up(&model).await;
    let (any, first) = (DeliveryFilter::default(), PageRequest::default());
    assert_eq!(
        model
            .list_deliveries(&any, &first)
            .await
            .unwrap()
            .rows
            .len(),
        3
    );
}
