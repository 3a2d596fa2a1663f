//! A laboratory: a broker, a conductor, executors of one backend.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use maestro_domain::{
    ExecutorId, Report,
    report::{Assignment, End, Execution, Order},
    run::{Mode, RunCommand, RunSpec, Start},
};
use maestro_eventlog::{LogMessage, Output as Stream, VaultKeys};
use maestro_executor::{BackendKind, Config, Kubernetes as Settings};
use maestro_testkit::{
    conformance::{Ended, Laboratory, Output, SOON, Work},
    kubernetes::Kubernetes,
    wait_until,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::bench::{Bench, name};

const LOG_CAP: u64 = 512 * 1024;

pub(crate) struct Lab {
    bench: Bench,
    config: Config,
    cluster: Option<Kubernetes>,
    folder: Option<PathBuf>,
    image: Option<String>,
    /// The execution of each run as its lease is now.
    leases: Mutex<BTreeMap<Execution, Execution>>,
    data: TempDir,
}

impl Lab {
    /// With the process backend.
    pub(crate) async fn process() -> Self {
        Self::with(|_| {}, None).await
    }

    /// With the kubernetes backend and the fake API.
    pub(crate) async fn kubernetes() -> Self {
        let cluster = Kubernetes::start().await;
        let kubeconfig = cluster.kubeconfig().to_owned();
        let configure = |config: &mut Config| {
            config.backend = BackendKind::Kubernetes;
            config.kubernetes = Settings {
                kubeconfig: Some(kubeconfig),
                create_namespace: true,
                unschedulable_after_s: 1,
                image_pull_after_s: 1,
                launch_after_s: 5,
                ..Settings::default()
            };
        };
        let mut lab = Self::with(configure, Some(cluster)).await;
        lab.image = Some("busybox:1".to_owned());
        lab
    }

    /// With the kubernetes backend and a cluster that nobody steers.
    pub(crate) async fn real(kubeconfig: PathBuf, namespace: &str, image: &str) -> Self {
        let configure = |config: &mut Config| {
            config.backend = BackendKind::Kubernetes;
            config.kubernetes = Settings {
                kubeconfig: Some(kubeconfig),
                create_namespace: true,
                namespace: name(namespace),
                instance: name("conformance"),
                ..Settings::default()
            };
        };
        let mut lab = Self::with(configure, None).await;
        lab.image = Some(image.to_owned());
        lab.folder = None;
        lab
    }

    async fn with(configure: impl FnOnce(&mut Config), cluster: Option<Kubernetes>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut bench = Bench::new().await;
        bench.vault = bench
            .log
            .vault(VaultKeys::load_or_create(&data.path().join("keys")).unwrap());
        let mut config = Config {
            log_cap: LOG_CAP,
            term_grace_s: 1,
            ..bench.config.clone()
        };
        configure(&mut config);
        let folder = data.path().join("shared");
        fs::create_dir(&folder).unwrap();
        Self {
            bench,
            config,
            cluster,
            folder: Some(folder),
            image: None,
            leases: Mutex::default(),
            data,
        }
    }

    fn spawn(&self, config: &Config) -> Child {
        let file = self.data.path().join(format!(
            "{}.json",
            config.data.file_name().unwrap().to_string_lossy()
        ));
        fs::write(&file, serde_json::to_vec(config).unwrap()).unwrap();
        Command::new(program("executor"))
            .args([
                file,
                self.bench.nats.url().into(),
                self.data.path().join("keys"),
            ])
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Who claimed or adopted an execution last.
    fn holder(&self, start: &Start) -> Option<ExecutorId> {
        let messages = self.bench.conductor.messages();
        let mut claims = messages.iter().rev().filter(|message| {
            matches!(message.report, Report::Claim(of) | Report::Adopt(of) if of.run == start.execution.run)
        });
        claims.next().map(|message| message.executor)
    }

    fn lease(&self, start: &Start) -> Execution {
        let leases = self.leases.lock().unwrap();
        leases
            .get(&start.execution)
            .copied()
            .unwrap_or(start.execution)
    }

    /// Moves the leases of an executor that left to another one, as the conductor does.
    async fn hand_over(&self, known: &[ExecutorId]) {
        let messages = self.bench.conductor.messages();
        let leaving = messages
            .iter()
            .rev()
            .find(|message| message.report == Report::Leaving);
        let Some(left) = leaving
            .map(|message| message.executor)
            .filter(|left| !known.contains(left))
        else {
            return;
        };
        let inventories = messages
            .iter()
            .filter(|message| matches!(message.report, Report::Inventory { .. }));
        let Some(heir) = inventories
            .map(|message| message.executor)
            .find(|id| *id != left)
        else {
            return;
        };
        let claimed = messages.iter().filter(|message| message.executor == left);
        for message in claimed {
            let Report::Claim(execution) = message.report else {
                continue;
            };
            let ended = messages.iter().any(|message| matches!(message.report, Report::Finished { execution: of, .. } if of.run == execution.run));
            let moved = Execution {
                token: execution.token + 1,
                ..execution
            };
            if !ended && self.leases.lock().unwrap().insert(execution, moved) != Some(moved) {
                let assignment = Assignment {
                    pool: name("default"),
                    execution: moved,
                };
                self.bench.order(heir, Order::Adopt(assignment)).await;
            }
        }
    }

    fn reported<T>(&self, start: &Start, wanted: impl Fn(&Report) -> Option<T>) -> Vec<T> {
        let run = start.execution.run;
        let reports = self.bench.conductor.reports().into_iter();
        let own = reports.filter(|report| match report {
            Report::Started { execution, .. } | Report::Finished { execution, .. } => {
                execution.run == run
            }
            _ => false,
        });
        own.filter_map(|report| wanted(&report)).collect()
    }
}

/// A program of `examples/`, which cargo builds beside the tests.
fn program(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: cargo build -p maestro-executor --examples",
        path.display()
    );
    path
}

fn ended(end: End) -> Ended {
    match end {
        End::Exited { code } => Ended::Exited(code),
        End::Signaled { signal } => Ended::Signaled(signal),
        End::OomKilled => Ended::OomKilled,
        End::DeadlineExceeded => Ended::DeadlineExceeded,
        End::Canceled => Ended::Canceled,
        End::Evicted => Ended::Evicted,
        End::Preempted => Ended::Preempted,
        End::NodeLost => Ended::NodeLost,
        End::ImagePull => Ended::ImagePull,
        End::Unschedulable => Ended::Unschedulable,
        End::LaunchRejected => Ended::LaunchRejected,
        End::Lost => Ended::Lost,
    }
}

impl Laboratory for Lab {
    type Run = Start;
    type Executor = Child;

    async fn executor(&self) -> Child {
        self.spawn(&self.config)
    }

    async fn standby(&self) -> Child {
        // Processes belong to a folder; what runs in a cluster, to whoever reaches it.
        let data = match self.config.backend {
            BackendKind::Process => self.config.data.clone(),
            BackendKind::Kubernetes => self.data.path().join("standby"),
        };
        let joined = |report: &Report| matches!(report, Report::Inventory { .. });
        let before = self.bench.conductor.count(joined);
        let child = self.spawn(&Config {
            data,
            ..self.config.clone()
        });
        if self.config.backend == BackendKind::Kubernetes {
            wait_until(SOON, async || self.bench.conductor.count(joined) > before).await;
        }
        child
    }

    async fn kill(&self, mut executor: Child) {
        executor.start_kill().unwrap();
        executor.wait().await.unwrap();
    }

    async fn stop(&self, mut executor: Child) {
        let leavers = |lab: &Self| -> Vec<ExecutorId> {
            let messages = lab.bench.conductor.messages();
            let leaving = messages
                .iter()
                .filter(|message| message.report == Report::Leaving);
            leaving.map(|message| message.executor).collect()
        };
        let before = leavers(self);
        let pid = i32::try_from(executor.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        let status = tokio::time::timeout(SOON, executor.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success(), "{status}");
        self.hand_over(&before).await;
    }

    async fn submit(&self, work: Work) -> Start {
        let mut spec = RunSpec {
            image: work.image.or_else(|| self.image.clone()),
            command: work.command,
            env: work.env,
            prompt: work.prompt,
            repository: None,
            timeout_s: u32::try_from(work.timeout.as_secs()).unwrap().into(),
            mode: if work.full_env {
                Mode::FullEnv
            } else {
                Mode::CodeOnly
            },
            placement: maestro_domain::placement::Placement::default(),
        };
        spec.placement.node_selector = work.node_selector;
        let start = self.bench.sealed(spec).await;
        self.bench.send(RunCommand::Start(start.clone())).await;
        start
    }

    async fn submit_again(&self, run: &Start) {
        self.bench.send(RunCommand::Start(run.clone())).await;
    }

    fn refuse_claims(&self, refuse: bool) {
        self.bench.conductor.set(|policy| policy.refuse = refuse);
    }

    async fn taken(&self) {
        self.bench.queue_is_empty().await;
    }

    async fn cancel(&self, run: &Start) {
        wait_until(SOON, async || self.holder(run).is_some()).await;
        let holder = self.holder(run).unwrap();
        self.bench.cancel_by(self.lease(run), holder).await;
    }

    async fn started(&self, run: &Start) {
        wait_until(SOON, async || self.has_started(run)).await;
    }

    async fn ended(&self, run: &Start) -> Ended {
        wait_until(SOON, async || !self.ends(run).is_empty()).await;
        self.ends(run)[0]
    }

    fn ends(&self, run: &Start) -> Vec<Ended> {
        self.reported(run, |report| match report {
            Report::Finished { end, .. } => Some(ended(*end)),
            _ => None,
        })
    }

    fn has_started(&self, run: &Start) -> bool {
        let started = |report: &Report| matches!(report, Report::Started { .. }).then_some(());
        !self.reported(run, started).is_empty()
    }

    async fn shows(&self, run: &Start, text: &str) {
        let mut reader = self
            .bench
            .log
            .logs(run.execution.run, run.execution.attempt);
        let mut all = String::new();
        while !all.contains(text) {
            let next = tokio::time::timeout(SOON, reader.next())
                .await
                .expect("more output");
            match next.unwrap() {
                LogMessage::Chunk(chunk) => all.push_str(&String::from_utf8_lossy(&chunk.bytes)),
                LogMessage::End => panic!("{text:?} is not in {all:?}"),
            }
        }
    }

    async fn output(&self, run: &Start) -> Output {
        Output {
            stdout: self.bench.output(run.execution, Stream::Stdout).await,
            stderr: self.bench.output(run.execution, Stream::Stderr).await,
            system: self.bench.output(run.execution, Stream::System).await,
        }
    }

    fn log_cap(&self) -> u64 {
        LOG_CAP
    }

    fn folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }

    fn cluster(&self) -> Option<&Kubernetes> {
        self.cluster.as_ref()
    }

    fn job(&self, run: &Start) -> String {
        let settings = &self.config.kubernetes;
        let id = run.execution.run.uuid().simple();
        format!(
            "/apis/batch/v1/namespaces/{}/jobs/{}-{id}-{}",
            settings.namespace, settings.prefix, run.execution.attempt
        )
    }
}
