//! One long-running `maestro` process.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use maestro_runtime::clock;
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use super::processes;

/// The binary under test.
pub(super) const MAESTRO: &str = env!("CARGO_BIN_EXE_maestro");

const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Lines of a log that a failure shows.
const TAIL: usize = 25;

/// How a process is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// Names its logs.
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// A process. The kernel ends it with the thread that started it; see [`super::Scratch`] for its
/// children.
pub(crate) struct Process {
    name: String,
    child: Child,
    pid: u32,
    out: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to files in `logs`, one pair for each start.
    pub(crate) fn spawn(launch: &Launch, logs: &Path) -> Self {
        fs::create_dir_all(logs).unwrap();
        let start = (1..).find(|n| !logs.join(format!("{}.{n}.log", launch.name)).exists());
        let path = |end| {
            logs.join(format!(
                "{}.{}.{end}",
                launch.name,
                start.unwrap_or_default()
            ))
        };
        let (out, log) = (path("out"), path("log"));
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", MAESTRO])
            .args(&launch.arguments)
            .envs(launch.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&log).unwrap())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("setpriv, which comes with util-linux");
        let pid = child.id().expect("a process that was not waited for");
        Self {
            name: launch.name.clone(),
            child,
            pid,
            out,
            log,
        }
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Everything that it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Everything that it printed.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// The last lines that it printed and logged, for messages.
    pub(crate) fn tail(&self) -> String {
        let last = |text: String| {
            let lines: Vec<_> = text.lines().collect();
            lines[lines.len().saturating_sub(TAIL)..].join("\n")
        };
        format!(
            "--- {} ---\n{}\n{}",
            self.name,
            last(self.printed()),
            last(self.log())
        )
    }

    /// Waits for a line on standard output that begins with `beginning`.
    pub(crate) async fn line(&mut self, beginning: &str, within: Duration) -> String {
        let begins = |line: &&str| line.starts_with(beginning);
        self.find(beginning, within, |process| {
            process
                .printed()
                .lines()
                .find(begins)
                .map(ToOwned::to_owned)
        })
        .await
    }

    /// Waits for a log entry with this message.
    pub(crate) async fn logged(&mut self, message: &str, within: Duration) -> serde_json::Value {
        self.find(message, within, |process| process.entry(message))
            .await
    }

    /// The first log entry with this message.
    pub(crate) fn entry(&self, message: &str) -> Option<serde_json::Value> {
        let log = self.log();
        let entries = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let mut entries = entries.filter(|entry: &serde_json::Value| entry["message"] == message);
        entries.next()
    }

    async fn find<T>(
        &mut self,
        what: &str,
        within: Duration,
        look: impl Fn(&Self) -> Option<T>,
    ) -> T {
        let deadline = clock::monotonic() + within;
        loop {
            let ended = self.child.try_wait().unwrap();
            if let Some(found) = look(self) {
                return found;
            }
            if let Some(status) = ended {
                panic!(
                    "{} ended ({status}) before `{what}`\n{}",
                    self.name,
                    self.tail()
                );
            }
            let in_time = clock::monotonic() < deadline;
            assert!(in_time, "no `{what}` within {within:?}\n{}", self.tail());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A child that was not waited for keeps its number.
        if self.child.id().is_some() {
            processes::signal(self.pid, signal);
        }
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!(
                "{} does not end within {within:?}\n{}",
                self.name,
                self.tail()
            ),
        }
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended(Duration::from_secs(5)).await;
    }

    /// Asks it to stop, which takes at most `within` and leads to exit code 0.
    pub(crate) async fn stop(&mut self, within: Duration) {
        self.signal(Signal::SIGTERM);
        let status = self.ended(within).await;
        assert!(
            status.success(),
            "{} stopped with {status}\n{}",
            self.name,
            self.tail()
        );
    }
}
