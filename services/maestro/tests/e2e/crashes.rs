//! Crashes while 200 runs are in flight.

mod turns;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::StreamExt as _;
use maestro_domain::event::RunResult;
use maestro_runtime::clock;
use reqwest::StatusCode;

use crate::common::{
    Deployment, Scratch, Setup, Topology, gate::Gate, github::labeled, history::History, processes,
};

const RUNS: u64 = 200;
/// What a debug build on two busy cores needs to start or to end them.
const WITHIN: Duration = Duration::from_secs(120);
const IN_PARALLEL: usize = 16;

/// Two kinds of runs that note in a ledger of their own that they were started, and wait at a gate.
fn stack(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {{name: crashes}}
spec:
  triggers:
    - {{name: early, on: {{event: issues, actions: [labeled], labels: ["run:early"]}}, run: early}}
    - {{name: late, on: {{event: issues, actions: [labeled], labels: ["run:late"]}}, run: late}}
  runs:
    early: {{command: [sh, -c, 'echo "$MAESTRO_RUN_ID" >> {folder}/ledger; : < {folder}/early'], timeout: 5m}}
    late: {{command: [sh, -c, 'echo "$MAESTRO_RUN_ID" >> {folder}/ledger; : < {folder}/late'], timeout: 5m}}
"#
    )
}

/// A deployment with 200 runs to come.
struct Crash {
    deployment: Deployment,
    early: Gate,
    late: Gate,
    ledger: PathBuf,
    sent: Vec<String>,
    _folder: Scratch,
}

impl Crash {
    /// Starts it and delivers the webhooks.
    async fn prepare() -> Self {
        let folder = Scratch::new();
        let (early, late) = (folder.path().join("early"), folder.path().join("late"));
        let (early, late) = (Gate::new(&early), Gate::new(&late));
        let slots = u32::try_from(RUNS).unwrap();
        let setup = Setup::new(Topology::Up)
            .slots(slots)
            .stack(stack(folder.path()));
        let deployment = setup.start().await;
        let sent = futures::stream::iter(1..=RUNS)
            .map(async |number| deployment.deliver("issues", &issue(number)).await)
            .buffered(IN_PARALLEL)
            .collect()
            .await;
        let ledger = folder.path().join("ledger");
        Self {
            deployment,
            early,
            late,
            ledger,
            sent,
            _folder: folder,
        }
    }

    /// How often each run was started, by its own account.
    fn starts(&self) -> BTreeMap<String, u32> {
        let mut starts = BTreeMap::new();
        for run in fs::read_to_string(&self.ledger).unwrap_or_default().lines() {
            *starts.entry(run.to_owned()).or_default() += 1;
        }
        starts
    }

    async fn started(&self, runs: usize) {
        let what = format!("{runs} runs are in flight");
        let started = async || (self.starts().len() >= runs).then_some(());
        self.deployment.eventually(&what, WITHIN, started).await;
    }

    async fn history(&self) -> History {
        History::read(&self.deployment.log().await).await
    }

    /// Waits until every run has ended well, and checks what holds after any crash.
    async fn ended(&self) -> History {
        let log = self.deployment.log().await;
        let history = self
            .deployment
            .eventually("all runs have ended", WITHIN, async || {
                let history = History::read(&log).await;
                Some(history).filter(|history| history.all_ended(self.sent.len()))
            });
        let history = history.await;
        history.assert_decided_once(&self.sent);
        for (run, story) in history.runs() {
            assert_eq!(
                story.end().result,
                RunResult::Succeeded,
                "{run}: {story:#?}"
            );
        }
        history
    }

    /// A webhook sent again is a duplicate, whatever has happened since.
    async fn redeliver(&self) {
        for (id, number) in self.sent.iter().zip(1..=RUNS).step_by(20) {
            let body = serde_json::to_vec(&issue(number)).unwrap();
            let (status, answer) = self.deployment.post("issues", id, body).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
    }
}

fn issue(number: u64) -> serde_json::Value {
    let label = if number.is_multiple_of(2) {
        "run:early"
    } else {
        "run:late"
    };
    labeled(number, label)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_of_maestro_alone_its_runs_are_adopted() {
    let mut crash = Crash::prepare().await;
    crash.started(crash.sent.len()).await;
    crash.deployment.kill9().await;

    // Half of them end while nobody watches; that is reported truthfully later.
    let folder = crash.deployment.scratch.path().to_owned();
    let shims = || {
        processes::of(&folder)
            .into_iter()
            .filter(processes::Found::is_shim)
            .count()
    };
    assert_eq!(shims(), crash.sent.len(), "runs outlive a crash");
    crash.early.open();
    let half = crash.sent.len() / 2;
    crash
        .deployment
        .eventually("half of them end", WITHIN, async || {
            (shims() == half).then_some(())
        })
        .await;
    let restarted = clock::now();
    crash.deployment.start_again().await;
    let before = crash.history().await;
    crash.late.open();

    let history = crash.ended().await;
    assert!(history.state.head.epoch >= 2, "a new leadership");
    assert_eq!(
        history.commits[..before.commits.len()],
        before.commits,
        "history stays"
    );
    for (run, story) in history.runs() {
        assert_eq!(
            (&*story.dispatched, &*story.claimed),
            (&[1][..], &[1][..]),
            "{run}: {story:#?}"
        );
        let early = story
            .requested
            .as_ref()
            .is_some_and(|run| run.trigger.as_str() == "early");
        assert_eq!(
            story.end().finished_at < restarted,
            early,
            "{run} ended when it ended"
        );
    }
    assert!(
        crash.starts().values().all(|starts| *starts == 1),
        "no second execution"
    );
    crash.redeliver().await;
    crash.deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_of_everything_each_run_has_at_most_one_further_attempt() {
    let mut crash = Crash::prepare().await;
    // The others are anywhere between decided and started.
    crash.started(crash.sent.len() * 2 / 3).await;
    processes::end_all(crash.deployment.scratch.path());
    assert_eq!(
        processes::of(crash.deployment.scratch.path()),
        [],
        "everything is dead"
    );
    crash.early.open();
    crash.late.open();
    crash.deployment.start_again().await;

    let history = crash.ended().await;
    let mut repeated = 0;
    for (run, story) in history.runs() {
        let attempt = story.end().attempt;
        assert!(attempt <= 2, "{run}: {story:#?}");
        assert!(story.dispatched.iter().is_sorted(), "{run}: {story:#?}");
        repeated += usize::from(attempt == 2);
    }
    assert!(repeated > 0, "some were in flight and had to be repeated");
    let starts = crash.starts();
    assert_eq!(starts.len(), crash.sent.len(), "every run was executed");
    assert!(starts.values().all(|starts| *starts <= 2), "{starts:?}");
    crash.redeliver().await;
    crash.deployment.stop_leaving_nothing().await;
}
