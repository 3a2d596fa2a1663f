//! Two conductors: one leads.

use std::time::Duration;

use maestro_domain::Event;
use maestro_eventlog::EventLog;
use maestro_runtime::clock;
use nix::sys::signal::Signal;

use crate::common::{Deployment, Setup, Topology, github::labeled, history::History};

const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_secs(30);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: failover}
spec:
  triggers:
    - {name: work, on: {event: issues, actions: [labeled]}, run: work}
  runs:
    work: {command: ["true"], timeout: 1m}
"#;

struct Failover {
    deployment: Deployment,
    log: EventLog,
    sent: Vec<String>,
}

impl Failover {
    async fn prepare() -> Self {
        let setup = Setup::new(Topology::Services).stack(STACK).conductors(2);
        let deployment = setup.start().await;
        let log = deployment.log().await;
        Self {
            deployment,
            log,
            sent: Vec::new(),
        }
    }

    /// The conductor that leads in this epoch, by its own log.
    async fn leader(&mut self, epoch: u64) -> &'static str {
        let names = ["conductor-1", "conductor-2"];
        let services = self.deployment.services();
        let leads = |name: &&&str| {
            let log = services.process(name).log();
            log.lines().any(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                entry["message"] == "leading" && entry["log.epoch"] == epoch
            })
        };
        let mut leads = leads;
        let found: Vec<_> = names.iter().filter(|name| leads(name)).copied().collect();
        assert_eq!(found.len(), 1, "one leads in epoch {epoch}: {found:?}");
        found[0]
    }

    async fn epoch(&self) -> u64 {
        History::read(&self.log).await.state.head.epoch
    }

    /// Waits until an epoch after `before` is in the log; says how long that took.
    async fn taken_over(&self, before: u64) -> Duration {
        let started = clock::monotonic();
        let newer = async || (self.epoch().await > before).then_some(());
        self.deployment
            .eventually("somebody takes over", SOON, newer)
            .await;
        started.elapsed()
    }

    /// Delivers a webhook and waits until its run has ended.
    async fn works(&mut self) {
        let number = self.sent.len() as u64 + 1;
        let id = self
            .deployment
            .deliver("issues", &labeled(number, "any"))
            .await;
        self.sent.push(id);
        let runs = self.sent.len();
        let ended = async || History::read(&self.log).await.all_ended(runs).then_some(());
        self.deployment
            .eventually("the run has ended", SOON, ended)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_conductor_takes_over_and_a_stale_one_writes_nothing() {
    let mut failover = Failover::prepare().await;
    let first_epoch = failover.epoch().await;
    let first = failover.leader(first_epoch).await;
    failover.works().await;

    // The leader crashes.
    failover.deployment.services().process(first).kill9().await;
    let took = failover.taken_over(first_epoch).await;
    assert!(took < TAKEN_OVER_WITHIN, "taken over after {took:?}");
    failover.works().await;
    let second_epoch = failover.epoch().await;
    let second = failover.leader(second_epoch).await;
    assert_ne!(second, first);

    // The leader is paused with work on its way, and another one takes over.
    failover.deployment.services().spawn(first);
    let standby = failover.deployment.services().process(first).pid();
    failover.works().await;
    assert_eq!(
        failover.epoch().await,
        second_epoch,
        "a standby does not disturb the leader"
    );
    failover
        .deployment
        .services()
        .process(second)
        .signal(Signal::SIGSTOP);
    let number = failover.sent.len() as u64 + 1;
    let id = failover
        .deployment
        .deliver("issues", &labeled(number, "any"))
        .await;
    failover.sent.push(id);
    let took = failover.taken_over(second_epoch).await;
    assert!(took < TAKEN_OVER_WITHIN, "taken over after {took:?}");
    failover.works().await;
    let third_epoch = failover.epoch().await;

    // When it goes on it finds out, and writes nothing.
    failover
        .deployment
        .services()
        .process(second)
        .signal(Signal::SIGCONT);
    let gives_up = failover.deployment.services().process(second);
    gives_up.logged("leadership ended", SOON).await;
    failover.works().await;
    let history = History::read(&failover.log).await;
    assert_epochs_follow(&history);
    assert_eq!(
        history.state.head.epoch, third_epoch,
        "the stale one did not take over"
    );
    history.assert_decided_once(&failover.sent);
    for (run, story) in history.runs() {
        assert_eq!(
            (story.end().attempt, &*story.dispatched),
            (1, &[1][..]),
            "{run}"
        );
    }

    // As a standby it is as good as any.
    assert_eq!(failover.deployment.services().process(first).pid(), standby);
    failover.deployment.services().process(first).kill9().await;
    let took = failover.taken_over(third_epoch).await;
    assert!(took < TAKEN_OVER_WITHIN, "taken over after {took:?}");
    assert_eq!(failover.leader(failover.epoch().await).await, second);
    failover.works().await;
    let history = History::read(&failover.log).await;
    history.assert_decided_once(&failover.sent);
    assert_epochs_follow(&history);
}

/// Nobody wrote in an epoch after the next one had begun, and each begins with a takeover.
fn assert_epochs_follow(history: &History) {
    let mut epoch = 0;
    for commit in &history.commits {
        if commit.epoch != epoch {
            assert_eq!(commit.epoch, epoch + 1, "commit {}", commit.n);
            let took_over = |event: &Event| matches!(event, Event::ConductorTookOver { .. });
            assert!(
                commit.events().any(took_over),
                "commit {} begins no epoch",
                commit.n
            );
            epoch = commit.epoch;
        }
    }
}
