//! Executors die and stop while their runs go on.

use std::{fs, path::Path, time::Duration};

use futures::StreamExt as _;
use maestro_domain::{RunId, event::RunResult};
use maestro_eventlog::{EventLog, LogMessage, Output};

use crate::common::{
    Deployment, Scratch, Setup, Topology, gate::Gate, github::labeled, history::History, processes,
};

const RUNS: u64 = 20;
const LINES: u64 = 10_000;
/// What a debug build on two busy cores needs.
const WITHIN: Duration = Duration::from_secs(120);

/// Two kinds of runs that note in a ledger that they were started, print the first half of their
/// lines, wait at a gate, and print the rest.
fn stack(folder: &Path) -> String {
    let folder = folder.display();
    let half = LINES / 2;
    let run = |gate: &str| {
        let script = format!(
            "echo $MAESTRO_RUN_ID >> {folder}/ledger; seq 1 {half}; : < {folder}/{gate}; seq {} {LINES}",
            half + 1
        );
        format!("{gate}: {{command: [sh, -c, '{script}'], timeout: 5m}}")
    };
    format!(
        r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {{name: handover}}
spec:
  triggers:
    - {{name: crash, on: {{event: issues, actions: [labeled], labels: ["run:crash"]}}, run: crash}}
    - {{name: stop, on: {{event: issues, actions: [labeled], labels: ["run:stop"]}}, run: stop}}
  runs:
    {}
    {}
"#,
        run("crash"),
        run("stop")
    )
}

struct Handover {
    deployment: Deployment,
    folder: Scratch,
}

impl Handover {
    /// Asks for runs and waits until they all live.
    async fn start(&self, label: &str, first: u64) {
        futures::stream::iter(first..first + RUNS)
            .for_each_concurrent(4, async |number| {
                let body = labeled(number, label);
                self.deployment.deliver("issues", &body).await;
            })
            .await;
        let lives = usize::try_from(RUNS).unwrap();
        let folder = self.deployment.scratch.path();
        self.deployment
            .eventually("all of them live", WITHIN, async || {
                let shims = processes::of(folder)
                    .into_iter()
                    .filter(processes::Found::is_shim);
                (shims.count() == lives).then_some(())
            })
            .await;
    }

    /// Waits until the executor lists so many running executions.
    async fn lists(&self, endpoint: &str, running: usize) {
        let list = ["executor", "list", "-o", "json", "--endpoint", endpoint];
        let all_running = async || {
            let called = self.deployment.cli(list).await;
            let listed: serde_json::Value = serde_json::from_str(&called.text()).ok()?;
            let executions = listed["executions"].as_array()?;
            let count = executions
                .iter()
                .filter(|each| each["phase"] == "EXECUTION_PHASE_RUNNING")
                .count();
            (count == running).then_some(())
        };
        self.deployment
            .eventually("the standby has them all", WITHIN, all_running)
            .await;
    }

    /// Waits until so many runs have ended; every one of them well and at its first attempt.
    async fn ended(&self, runs: usize) -> History {
        let log = self.deployment.log().await;
        let ended = async || {
            let history = History::read(&log).await;
            Some(history).filter(|history| history.all_ended(runs))
        };
        let history = self
            .deployment
            .eventually("all of them have ended", WITHIN, ended)
            .await;
        let ledger = fs::read_to_string(self.folder.path().join("ledger")).unwrap();
        for (run, story) in history.runs() {
            let end = story.end();
            assert_eq!(
                (end.result, end.attempt),
                (RunResult::Succeeded, 1),
                "{run}: {story:#?}"
            );
            let id = run.to_string();
            let starts = ledger.lines().filter(|line| **line == id).count();
            assert_eq!(starts, 1, "{run} was executed once");
            assert_complete(&log, run).await;
        }
        history
    }
}

/// Every line is in LOGS, once and in order.
async fn assert_complete(log: &EventLog, run: RunId) {
    let mut reader = log.logs(run, 1);
    let mut stdout = Vec::new();
    loop {
        let next = tokio::time::timeout(WITHIN, reader.next()).await;
        match next.expect("an end").unwrap() {
            LogMessage::Chunk(chunk) if chunk.output == Output::Stdout => {
                stdout.extend_from_slice(&chunk.bytes);
            }
            LogMessage::Chunk(_) => {}
            LogMessage::End => break,
        }
    }
    let expected: String = (1..=LINES).map(|line| format!("{line}\n")).collect();
    assert!(String::from_utf8(stdout).unwrap() == expected, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_outlive_a_killed_executor_and_pass_to_a_standby_at_a_stop() {
    let folder = Scratch::new();
    let mut crash = Gate::new(&folder.path().join("crash"));
    let mut stop = Gate::new(&folder.path().join("stop"));
    let setup = Setup::new(Topology::Services)
        .slots(u32::try_from(RUNS).unwrap())
        .stack(stack(folder.path()));
    let deployment = setup.start().await;
    let mut handover = Handover { deployment, folder };

    handover.start("run:crash", 1).await;
    let services = handover.deployment.services();
    services.process("executor").kill9().await;
    services.spawn("executor");
    crash.open();
    handover.ended(20).await;

    handover.start("run:stop", 101).await;
    let services = handover.deployment.services();
    services.spawn_another("executor", "standby", &["--listen", "127.0.0.1:0"]);
    let waits = "another executor has the folder; standing by";
    services.process("standby").logged(waits, WITHIN).await;
    let within = Duration::from_secs(10);
    services.process("executor").stop(within).await;
    let listens = services.process("standby");
    let listens = listens.logged("the executor listens", WITHIN).await;
    let address = listens["listen.address"].as_str().unwrap();
    let endpoint = format!("http://{address}");
    handover.lists(&endpoint, 20).await;
    stop.open();
    let history = handover.ended(40).await;

    let silent = history
        .events()
        .filter(|event| event.type_name() == "executor.silent");
    assert_eq!(silent.count(), 0, "nobody was away for a term");
    let lost = history
        .events()
        .filter(|event| event.type_name() == "run.attempt_lost");
    assert_eq!(lost.count(), 0, "no retry");

    let drain = [
        "executor",
        "drain",
        "--wait",
        "--stop",
        "--endpoint",
        &endpoint,
    ];
    let drained = handover.deployment.cli(drain).await.text();
    assert_eq!(drained.trim(), "Draining: nothing is left.");
    let standby = handover.deployment.services().process("standby");
    assert!(standby.ended(within).await.success());
    handover.deployment.stop_leaving_nothing().await;
}
