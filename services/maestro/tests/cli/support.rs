use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use maestro_runtime::clock::monotonic;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take on a slow machine.
const SOON: Duration = Duration::from_secs(60);

const STACK: &str = r#"
apiVersion: maestro.dev/v1
kind: ServiceStack
metadata: {name: test}
spec:
  triggers:
    - {name: quick, on: {event: issues, labels: [quick]}, run: quick}
    - {name: slow, on: {event: issues, labels: [slow]}, run: slow}
    - {name: broken, on: {event: issues, labels: [broken]}, run: broken}
  runs:
    quick: {command: [sh, -c, "echo to out; echo to err >&2"]}
    slow: {command: [sleep, "300"]}
    broken: {command: [sh, -c, "exit 3"]}
"#;

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

/// Runs the command line to its end.
pub fn maestro(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_maestro"))
        .args(arguments)
        .env_remove("MAESTRO_DATA")
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A whole Maestro on this machine; stopped at the end.
pub struct Maestro {
    child: Option<Child>,
    dir: TempDir,
}

impl Maestro {
    /// Starts one and waits until it is ready.
    pub fn up() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("maestro-cli-")
            .tempdir()
            .unwrap();
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let (stack, config) = (
            dir.path().join("stack.yaml"),
            dir.path().join("maestro.toml"),
        );
        std::fs::write(&stack, STACK).unwrap();
        std::fs::write(
            &config,
            format!("[project]\nstack = {:?}\n", stack.display().to_string()),
        )
        .unwrap();
        let mut up = Self { child: None, dir };
        up.start();
        up
    }

    /// Starts what is stopped, and waits until it is ready.
    pub fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_maestro"))
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .arg("--config")
            .arg(self.dir.path().join("maestro.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .map_while(Result::ok)
            .any(|line| line.starts_with("ready"));
        self.child = Some(child);
        assert!(ready, "maestro up ended before it was ready");
    }

    /// Runs a command against it.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let data = self.data();
        maestro(&[&["--data", data.to_str().unwrap()], arguments].concat())
    }

    /// Sends a webhook for an issue that was given a label.
    pub fn label(&self, label: &str, delivery: &str) {
        let file = self.labeled(label);
        let sent = self.run(&[
            "webhook",
            "send",
            "--event",
            "issues",
            "--file",
            &file,
            "--delivery",
            delivery,
        ]);
        assert_eq!(sent.code, 0, "{}", sent.err);
    }

    /// Starts a command that goes on until it is dropped, and gives the lines it prints.
    pub fn follow(&self, arguments: &[&str]) -> Following {
        let mut child = Command::new(env!("CARGO_BIN_EXE_maestro"))
            .arg("--data")
            .arg(self.dir.path().join("data"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Following { child, lines }
    }

    /// A file with the payload of an issue that was given a label.
    pub fn labeled(&self, label: &str) -> String {
        let payload = json!({
            "action": "labeled",
            "label": {"name": label},
            "issue": {"id": 1, "number": 7, "title": "Title", "updated_at": "2026-11-20T12:00:00Z",
                "labels": [{"name": label}]},
            "repository": {"id": 40, "name": "shop", "full_name": "acme/shop",
                "owner": {"login": "acme"}, "default_branch": "main"},
            "sender": {"id": 7, "login": "octocat"},
        });
        let path = self.dir.path().join(format!("{label}.json"));
        std::fs::write(&path, payload.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Asks again and again until something is so.
    pub fn wait_until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let started = monotonic();
        while !so(self) {
            assert!(started.elapsed() < SOON, "not {what} in time");
        }
    }

    /// Waits until the run of a delivery has a status; its id.
    pub fn run_in_status(&self, delivery: &str, status: &str) -> String {
        let mut id = String::new();
        self.wait_until(status, |up| {
            let listed = up.run(&["runs", "list", "--delivery", delivery, "--output", "json"]);
            if listed.code != 0 {
                return false;
            }
            let listed = listed.json();
            let run = &listed["runs"][0];
            id = run["id"].as_str().unwrap_or_default().to_owned();
            run["status"] == status
        });
        id
    }
}

/// A command that goes on; ended at the end.
pub struct Following {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Following {
    /// The next line as JSON.
    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Maestro {
    /// Stops it; its data folder stays.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = i32::try_from(child.id()).unwrap_or_default();
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            let _ = child.wait();
        }
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Maestro {
    fn drop(&mut self) {
        self.stop();
    }
}
