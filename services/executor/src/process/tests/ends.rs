//! How an attempt can end by itself.

use super::*;

#[tokio::test]
async fn success() {
    let bench = Bench::new();
    let execution = bench.shell("echo out; echo err >&2").await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 0 });
    assert_eq!(
        (bench.stdout(execution), bench.stderr(execution)),
        ("out\n".into(), "err\n".into())
    );
}

#[tokio::test]
async fn exit_code() {
    assert_eq!(
        Bench::new().end_of(shell("exit 3")).await,
        End::Exited { code: 3 }
    );
}

#[tokio::test]
async fn signal() {
    let end = Bench::new().end_of(shell("kill -USR1 $$")).await;
    assert_eq!(
        end,
        End::Signaled {
            signal: nix::sys::signal::Signal::SIGUSR1 as i32
        }
    );
}

#[tokio::test]
async fn real_time_signal() {
    assert_eq!(
        Bench::new().end_of(shell("kill -40 $$")).await,
        End::Signaled { signal: 40 }
    );
}

#[tokio::test]
async fn timeout() {
    let bench = Bench::new();
    let mut task = shell("exec sleep 1000");
    task.spec.timeout_s = 0;
    assert_eq!(bench.end_of(task).await, End::DeadlineExceeded);
}

#[tokio::test]
async fn timeout_beyond_the_clock() {
    let mut task = shell("exit 0");
    task.spec.timeout_s = u64::MAX;
    assert_eq!(Bench::new().end_of(task).await, End::Exited { code: 0 });
}

#[tokio::test]
async fn missing_program() {
    let bench = Bench::new();
    let execution = bench.start(task(&["no-such-program"])).await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 127 });
    assert!(
        bench
            .stderr(execution)
            .starts_with("maestro: no-such-program: No such file")
    );
}

#[tokio::test]
async fn program_that_cannot_be_executed() {
    let bench = Bench::new();
    for program in ["/", "/dev/null", "/etc/passwd"] {
        let execution = bench.start(task(&[program])).await;
        assert_eq!(
            bench.end(execution).await,
            End::Exited { code: 126 },
            "{program}"
        );
        assert!(
            bench.stderr(execution).starts_with("maestro: /"),
            "{program}"
        );
    }
}

#[tokio::test]
async fn hostile_commands() {
    let bench = Bench::new();
    let huge = "x".repeat(8 * 1024 * 1024);
    let cases: [(&[&str], i32); 5] = [
        (&[], 127),
        (&[""], 127),
        (&["echo", &huge], 126),
        (&["echo", "a\0b"], 126),
        (&[&huge], 126),
    ];
    for (number, (command, code)) in cases.into_iter().enumerate() {
        let execution = bench.start(task(command)).await;
        assert_eq!(
            bench.end(execution).await,
            End::Exited { code },
            "case {number}"
        );
        let problem = bench.stderr(execution);
        assert!(
            problem.starts_with("maestro: ") && problem.len() < 400,
            "case {number}"
        );
    }
}

#[tokio::test]
async fn hostile_variables() {
    let bench = Bench::new();
    for (name, value) in [("A=B", "x"), ("", "x"), ("A\0", "x"), ("A", "x\0y")] {
        let mut task = shell("exit 0");
        task.spec.env.insert(name.to_owned(), value.to_owned());
        assert_eq!(
            bench.end_of(task).await,
            End::Exited { code: 126 },
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn a_shim_that_cannot_be_started_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut backend = open(&dir, SOON);
    backend.settings.shim = "/no/such/shim".into();
    assert!(backend.ensure(&shell("exit 0"), &|| true).await.is_err());
    assert_eq!(backend.recover().await.unwrap(), []);
}

#[tokio::test]
async fn a_damaged_specification_is_a_rejected_launch() {
    let bench = Bench::new();
    let task = shell("exit 0");
    let folder = bench.folder(task.start.execution);
    super::super::start::prepare(&folder, &task, &bench.backend.settings).unwrap();
    fs::write(folder.spec(), "{").unwrap();
    assert_eq!(run_shim(&folder), Some(0));
    assert_eq!(bench.end_of(task).await, End::LaunchRejected);
}

#[tokio::test]
async fn a_repeated_start_starts_nothing() {
    let bench = Bench::new();
    let task = shell("echo started");
    bench
        .start(Task {
            start: task.start.clone(),
            spec: task.spec.clone(),
            ..shell("")
        })
        .await;
    let execution = bench.start(task).await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 0 });
    assert_eq!(bench.stdout(execution), "started\n");
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [
        &[][..],
        &["--dir"],
        &["--dir", "x", "y"],
        &["--folder", "x"],
    ] {
        let mut command = std::process::Command::new(shim());
        let status = command
            .arg("process-shim")
            .args(arguments)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

/// The exit code of a shim on this folder.
pub(super) fn run_shim(folder: &Folder) -> Option<i32> {
    let mut command = std::process::Command::new(shim());
    command
        .args(["process-shim", "--dir"])
        .arg(folder.path())
        .status()
        .unwrap()
        .code()
}
