//! The process backend with real processes.

mod adoption;
mod ends;
mod kills;
mod surroundings;

use std::{collections::BTreeMap, env, fs, time::Duration};

use maestro_domain::{
    Digest, ExecutorId, ProjectId, RunId, VaultKey,
    placement::Placement,
    report::{End, Execution},
    run::{Mode, RunSpec, Start},
    sealed::Sealed,
};
use maestro_testkit::wait_until;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Folder, ProcessBackend, Settings, procfs};
use crate::backend::{Backend as _, Observation, Task};

const SOON: Duration = Duration::from_secs(20);

/// A backend in a folder of its own. What still runs when it is dropped is killed.
struct Bench {
    dir: TempDir,
    backend: ProcessBackend,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = open(&dir, Duration::from_secs(60));
        Self { dir, backend }
    }

    /// With so little time between TERM and KILL that a test can wait for it.
    fn impatient() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let backend = open(&dir, Duration::from_millis(200));
        Self { dir, backend }
    }

    /// The executor is gone, another one comes.
    fn reopened(mut self) -> Self {
        self.backend = open(&self.dir, Duration::from_secs(60));
        self
    }

    fn folder(&self, execution: Execution) -> Folder {
        self.backend.folder(execution)
    }

    async fn start(&self, task: Task) -> Execution {
        self.backend
            .ensure(&task, &|| true)
            .await
            .unwrap()
            .execution
    }

    async fn shell(&self, script: &str) -> Execution {
        self.start(shell(script)).await
    }

    /// Waits until the script has written the file into its working directory.
    async fn file(&self, execution: Execution, name: &str) -> String {
        let path = self.folder(execution).work().join(name);
        wait_until(SOON, async || {
            fs::read(&path).is_ok_and(|text| text.ends_with(b"\n"))
        })
        .await;
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    async fn pid(&self, execution: Execution, name: &str) -> i32 {
        self.file(execution, name).await.parse().unwrap()
    }

    async fn end(&self, execution: Execution) -> End {
        let mut seen = self.backend.observe(execution).unwrap();
        let ended = seen.wait_for(Observation::has_ended);
        let ended = tokio::time::timeout(SOON, ended)
            .await
            .expect("an end")
            .unwrap();
        let Observation::Ended { end, .. } = *ended else {
            unreachable!()
        };
        end
    }

    /// The end of a script that runs to it.
    async fn end_of(&self, task: Task) -> End {
        let execution = self.start(task).await;
        self.end(execution).await
    }

    fn stderr(&self, execution: Execution) -> String {
        fs::read_to_string(self.folder(execution).stderr()).unwrap()
    }

    fn stdout(&self, execution: Execution) -> String {
        fs::read_to_string(self.folder(execution).stdout()).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let dir = self.dir.path().to_owned();
        let inside = |pid: i32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&dir))
        };
        for process in procfs::processes(|process| inside(process.pid)) {
            kill(process.pid);
        }
    }
}

fn open(dir: &TempDir, term_grace: Duration) -> ProcessBackend {
    ProcessBackend::open(Settings {
        attempts: dir.path().join("attempts"),
        shim: shim(),
        term_grace,
        retention: Duration::from_secs(3600),
        fallback_pool: "default".parse().unwrap(),
        executor: ExecutorId::new(uuid::Uuid::from_u128(1)),
    })
    .unwrap()
}

/// `examples/shim.rs`, which cargo builds beside the tests.
fn shim() -> std::path::PathBuf {
    let test = env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/shim")
}

fn task(command: &[&str]) -> Task {
    let key = VaultKey::run_spec(RunId::new(Uuid::from_u128(1)), None);
    Task {
        start: Start {
            execution: Execution {
                run: RunId::new(Uuid::new_v4()),
                attempt: 1,
                token: 7,
            },
            spec: Sealed {
                key,
                digest: Digest::ZERO,
            },
            project: ProjectId::new(Uuid::from_u128(2)),
            slug: "shop".parse().unwrap(),
            pool: "large".parse().unwrap(),
            trigger: "agent-dev".parse().unwrap(),
            delivery: "72d3162e".parse().unwrap(),
            event: "issues".to_owned(),
            traceparent: None,
        },
        spec: RunSpec {
            image: None,
            command: command.iter().map(|&part| part.to_owned()).collect(),
            env: BTreeMap::new(),
            prompt: None,
            repository: None,
            timeout_s: 600,
            mode: Mode::CodeOnly,
            placement: Placement::default(),
        },
        traceparent: None,
    }
}

fn shell(script: &str) -> Task {
    task(&["sh", "-c", script])
}

fn kill(pid: i32) {
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    );
}

fn alive(pid: i32) -> bool {
    procfs::stat(pid).is_ok_and(|process| !process.zombie)
}
