//! Starting, refusing to start, stopping.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use maestro_domain::{RunId, event::RunResult};
use nix::sys::signal::Signal;

use crate::common::{
    Deployment, Scratch, Setup, Topology, gate::Gate, github::labeled, history::History, maestro,
    processes,
};

const SOON: Duration = Duration::from_secs(30);

/// A run that ends when asked to and one that does not, both waiting at a gate.
fn stack(gate: &Path) -> String {
    let gate = gate.display();
    format!(
        r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {{name: waits}}
spec:
  triggers:
    - {{name: polite, on: {{event: issues, labels: ["polite"]}}, run: polite}}
    - {{name: stubborn, on: {{event: issues, labels: ["stubborn"]}}, run: stubborn}}
  runs:
    polite: {{command: [sh, -c, 'echo waits; : < {gate}; echo ends']}}
    stubborn: {{command: [sh, -c, 'trap "" TERM HUP INT; echo waits; : < {gate}; echo ends']}}
"#
    )
}

/// Waits until so many attempts print; returns the ids of their runs.
async fn running(deployment: &Deployment, runs: usize) -> Vec<RunId> {
    let log = deployment.log().await;
    let started = async || {
        let runs_now = History::read(&log).await.runs();
        let started = runs_now
            .values()
            .filter(|story| !story.started.is_empty())
            .count();
        (started == runs).then(|| runs_now.into_keys().collect())
    };
    deployment
        .eventually("the runs have started", SOON, started)
        .await
}

async fn ended(deployment: &Deployment, runs: usize) -> History {
    let log = deployment.log().await;
    let ended = async || Some(History::read(&log).await).filter(|history| history.all_ended(runs));
    deployment
        .eventually("the runs have ended", SOON, ended)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_nothing_and_the_next_start_goes_on() {
    let folder = Scratch::new();
    let path = folder.path().join("gate");
    let mut gate = Gate::new(&path);
    let mut deployment = Setup::new(Topology::Up).stack(stack(&path)).start().await;
    let data = deployment.data();
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    for private in [
        "endpoints.json",
        "webhook_secret",
        "operator.token",
        "keys/vault.json",
    ] {
        assert_eq!(mode(private), 0o600, "{private}");
    }
    for (number, label) in [(1, "polite"), (2, "stubborn")] {
        deployment.deliver("issues", &labeled(number, label)).await;
    }
    running(&deployment, 2).await;
    let before = History::read(&deployment.log().await).await;

    deployment.stop().await;
    assert_eq!(
        processes::of(deployment.scratch.path()),
        [],
        "no child is left, however stubborn"
    );
    assert!(
        !data.join("endpoints.json").exists(),
        "nothing says that it runs"
    );
    let asked = deployment.cli(["runs", "list"]).await;
    assert_eq!(asked.code(), Some(5), "{}", asked.err());
    assert!(asked.refusal().contains("maestro up"), "{}", asked.err());

    deployment.start_again().await;
    gate.open();
    let history = ended(&deployment, 2).await;
    assert_eq!(
        history.commits[..before.commits.len()],
        before.commits,
        "history stays"
    );
    assert_eq!(history.state.head.epoch, 2);
    for (run, story) in history.runs() {
        let end = story.end();
        assert_eq!(
            (end.result, end.attempt),
            (RunResult::Succeeded, 2),
            "{run}: tried again"
        );
    }

    // Ctrl-C is as good.
    deployment.process().signal(Signal::SIGINT);
    let status = deployment.process().ended(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}");
    assert_eq!(processes::of(deployment.scratch.path()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_survive_a_new_version_of_their_executor() {
    let folder = Scratch::new();
    let path = folder.path().join("gate");
    let mut gate = Gate::new(&path);
    let mut deployment = Setup::new(Topology::Services)
        .stack(stack(&path))
        .start()
        .await;
    deployment.deliver("issues", &labeled(1, "polite")).await;
    let run = running(&deployment, 1).await[0];
    let services = deployment.services();
    services
        .process("executor")
        .stop(Duration::from_secs(10))
        .await;
    let left = processes::of(deployment.scratch.path());
    assert!(
        left.iter().any(processes::Found::is_shim),
        "the run goes on: {left:#?}"
    );

    deployment.services().spawn("executor");
    gate.open();
    let history = ended(&deployment, 1).await;
    deployment.caught_up(&history).await;
    let story = &history.runs()[&run];
    assert_eq!(
        (story.end().result, story.end().attempt),
        (RunResult::Succeeded, 1)
    );
    let logs = deployment
        .cli(["runs", "logs", &run.to_string(), "--follow"])
        .await;
    assert_eq!(logs.text(), "waits\nends\n", "output of before and after");
    deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_on_the_same_folder_is_refused() {
    let deployment = Setup::new(Topology::Up).start().await;
    let second = maestro(&deployment.data(), ["up", "--listen", "127.0.0.1:0"], &[]).await;
    let said = second.refusal();
    assert!(said.contains("in use by another Maestro"), "{said}");
    assert!(
        said.contains(&deployment.data().display().to_string()),
        "{said}"
    );
    // The first one is not disturbed.
    deployment.deliver("issues", &labeled(1, "any")).await;
    assert!(deployment.cli(["status"]).await.text().contains("ready"));

    let taken = deployment.at.ui.trim_start_matches("http://").to_owned();
    let other = Scratch::new();
    let said = maestro(&other.data(), ["up", "--listen", &taken], &[])
        .await
        .refusal();
    assert!(said.contains(&taken) && said.contains("--listen"), "{said}");
    assert_eq!(processes::of(other.path()), []);
    deployment.stop_leaving_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_said_in_one_line() {
    let folder = Scratch::new();
    let file = folder.write("in-the-way", "");
    let said = maestro(&file, ["up", "--listen", "127.0.0.1:0"], &[])
        .await
        .refusal();
    assert!(
        said.contains("in-the-way") && said.contains("--data"),
        "{said}"
    );

    let missing = [("MAESTRO_NATS_SERVER".to_owned(), "/nonexistent".to_owned())];
    let said = maestro(&folder.data(), ["up", "--listen", "127.0.0.1:0"], &missing)
        .await
        .refusal();
    assert!(
        said.contains("nats-server") && said.contains("MAESTRO_NATS_SERVER"),
        "{said}"
    );

    let full = folder.data().join("nats");
    fs::create_dir_all(&full).unwrap();
    std::os::unix::fs::symlink("/dev/full", full.join("endpoint.new")).unwrap();
    let said = maestro(&folder.data(), ["up", "--listen", "127.0.0.1:0"], &[])
        .await
        .refusal();
    assert!(
        said.contains("no space is left") && said.contains("nats"),
        "{said}"
    );
    fs::remove_dir_all(&full).unwrap();

    let wrong = folder.write("wrong.toml", "[project]\nslotz = 3\n");
    let config = wrong.display().to_string();
    let said = maestro(&folder.data(), ["up", "--config", &config], &[])
        .await
        .refusal();
    assert!(said.contains("slotz"), "{said}");

    let stack = folder.write("stack.yaml", "apiVersion: maestro.dev/v1\nkind: Stack\n");
    let text = format!("[project]\nstack = {:?}\n", stack.display().to_string());
    let config = folder.write("stack.toml", &text).display().to_string();
    let arguments = ["up", "--listen", "127.0.0.1:0", "--config", &config];
    let said = maestro(&folder.data(), arguments, &[]).await.refusal();
    assert!(
        said.contains("stack.yaml") && said.contains("2"),
        "the line is named: {said}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("nats://{}", listener.local_addr().unwrap());
    drop(listener);
    let arguments = ["up", "--listen", "127.0.0.1:0", "--nats", &away];
    let said = maestro(&folder.data(), arguments, &[]).await.refusal();
    assert!(said.contains("broker") || said.contains("NATS"), "{said}");
    assert_eq!(
        processes::of(folder.path()),
        [],
        "no server is left of a start that failed"
    );
}
