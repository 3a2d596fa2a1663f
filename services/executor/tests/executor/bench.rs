//! A broker, a conductor, and executors on folders of their own.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use maestro_domain::{
    ExecutorId, Name, ProjectId, Report, RunId, VaultKey,
    placement::Placement,
    report::{Assignment, End, Execution, Order},
    run::{Mode, RunCommand, RunSpec, Start},
    sealed::Seal,
};
use maestro_eventlog::{
    EventLog, LogChunk, LogMessage, Output, Settings, Stream, Vault, VaultKeys,
};
use maestro_executor::Config;
use maestro_testkit::{Nats, wait_until};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::conductor::Conductor;

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) nats: Nats,
    pub(crate) log: EventLog,
    pub(crate) vault: Vault,
    pub(crate) conductor: Conductor,
    pub(crate) config: Config,
    data: TempDir,
}

/// An executor at work.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Stops it as a signal would.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it without a last word.
    pub(crate) async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let nats = Nats::start().await;
        let log = EventLog::connect(&Settings::single(nats.url()))
            .await
            .unwrap();
        log.ensure().await.unwrap();
        let vault = log.vault(VaultKeys::random());
        let conductor = Conductor::start(&log);
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            data: data.path().join("executor"),
            shim: Some(shim()),
            ..Config::default()
        };
        Self {
            nats,
            log,
            vault,
            conductor,
            config,
            data,
        }
    }

    /// An executor on the bench's own folder.
    pub(crate) fn executor(&self) -> Running {
        self.executor_with(self.config.clone())
    }

    pub(crate) fn executor_with(&self, config: Config) -> Running {
        let stop = CancellationToken::new();
        let running =
            maestro_executor::run(config, self.log.clone(), self.vault.clone(), stop.clone());
        Running {
            stop,
            task: tokio::spawn(running),
        }
    }

    /// Another folder for another executor.
    pub(crate) fn other_config(&self) -> Config {
        Config {
            data: self.data.path().join("other"),
            ..self.config.clone()
        }
    }

    /// Puts the specification into the vault and asks for its start.
    pub(crate) async fn start(&self, spec: RunSpec) -> Execution {
        let start = self.sealed(spec).await;
        let execution = start.execution;
        self.send(RunCommand::Start(start)).await;
        execution
    }

    pub(crate) async fn shell(&self, script: &str) -> Execution {
        self.start(shell(script)).await
    }

    pub(crate) async fn sealed(&self, spec: RunSpec) -> Start {
        let run = RunId::new(Uuid::new_v4());
        let plaintext = serde_json::to_vec(&spec).unwrap();
        let seal = Seal {
            key: VaultKey::run_spec(run, None),
            plaintext,
        };
        self.vault.put(&seal.key, &seal.plaintext).await.unwrap();
        Start {
            execution: Execution {
                run,
                attempt: 1,
                token: 3,
            },
            spec: seal.reference(&self.vault.keys().digest_key()),
            project: ProjectId::new(Uuid::from_u128(2)),
            slug: name("shop"),
            pool: name("default"),
            trigger: name("agent-dev"),
            delivery: "72d3162e".parse().unwrap(),
            event: "issues".to_owned(),
            traceparent: None,
        }
    }

    pub(crate) async fn send(&self, command: RunCommand) {
        self.log
            .send_run_command(&command, Some(TRACE))
            .await
            .unwrap();
    }

    /// Asks the executor that claimed the execution to cancel it.
    pub(crate) async fn cancel(&self, execution: Execution) {
        let claimed = |message: &maestro_domain::report::ReportMessage| {
            (message.report == Report::Claim(execution)).then_some(message.executor)
        };
        let executor = self.conductor.messages().iter().find_map(claimed).unwrap();
        self.cancel_by(execution, executor).await;
    }

    pub(crate) async fn cancel_by(&self, execution: Execution, executor: ExecutorId) {
        self.order(executor, Order::Cancel(assignment(execution)))
            .await;
    }

    /// Gives an order at once, and with every heartbeat until it is done.
    pub(crate) async fn order(&self, executor: ExecutorId, order: Order) {
        self.conductor
            .set(|policy| policy.orders.push((executor, order.clone())));
        self.log.order(executor, &order).await.unwrap();
    }

    /// How the execution ended, and how much output it had.
    pub(crate) async fn finished(&self, wanted: Execution) -> (End, u64) {
        self.conductor
            .report(|report| match *report {
                Report::Finished {
                    execution,
                    end,
                    log_bytes,
                    ..
                } if execution == wanted => Some((end, log_bytes)),
                _ => None,
            })
            .await
    }

    pub(crate) async fn started(&self, wanted: Execution) {
        self.conductor
            .report(|report| match *report {
                Report::Started { execution, .. } if execution == wanted => Some(()),
                _ => None,
            })
            .await;
    }

    /// Waits until every command was acknowledged.
    pub(crate) async fn queue_is_empty(&self) {
        let empty = async || {
            self.log
                .stream_state(Stream::RunCommands)
                .await
                .is_ok_and(|state| state.messages == 0)
        };
        wait_until(SOON, empty).await;
    }

    /// The attempt's folder.
    pub(crate) fn folder(&self, execution: Execution) -> PathBuf {
        let Execution {
            run,
            attempt,
            token,
        } = execution;
        self.attempts().join(format!("{run}.{attempt}.{token}"))
    }

    pub(crate) fn attempts(&self) -> PathBuf {
        self.config.data.join("attempts")
    }

    /// Waits until the run has written a file into its working directory.
    pub(crate) async fn file(&self, execution: Execution, name: &str) {
        let path = self.folder(execution).join("work").join(name);
        wait_until(SOON, async || path.exists()).await;
    }

    /// Lets a script go on that waits for the file.
    pub(crate) fn touch(&self, execution: Execution, name: &str) {
        fs::write(self.folder(execution).join("work").join(name), "").unwrap();
    }

    /// Everything in LOGS of an ended execution.
    pub(crate) async fn chunks(&self, execution: Execution) -> Vec<LogChunk> {
        let mut reader = self.log.logs(execution.run, execution.attempt);
        let mut chunks = Vec::new();
        loop {
            let next = tokio::time::timeout(SOON, reader.next())
                .await
                .expect("an end");
            match next.unwrap() {
                LogMessage::Chunk(chunk) => chunks.push(chunk),
                LogMessage::End => return chunks,
            }
        }
    }

    pub(crate) async fn output(&self, execution: Execution, wanted: Output) -> Vec<u8> {
        let chunks = self.chunks(execution).await;
        let mut all = Vec::new();
        for chunk in chunks.into_iter().filter(|chunk| chunk.output == wanted) {
            assert_eq!(chunk.offset(), all.len() as u64, "chunks are contiguous");
            all.extend_from_slice(&chunk.bytes);
        }
        all
    }
}

impl Drop for Bench {
    /// Nothing of a failed test goes on running.
    fn drop(&mut self) {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let cwd = fs::read_link(entry.path().join("cwd"));
            if cwd.is_ok_and(|cwd| cwd.starts_with(self.data.path())) {
                kill(pid);
            }
        }
    }
}

pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) fn kill(pid: i32) {
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    );
}

pub(crate) fn assignment(execution: Execution) -> Assignment {
    Assignment {
        pool: name("default"),
        execution,
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn shell(script: &str) -> RunSpec {
    RunSpec {
        image: None,
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        prompt: None,
        repository: None,
        timeout_s: 600,
        mode: Mode::CodeOnly,
        placement: Placement::default(),
    }
}

/// `examples/shim.rs`, which cargo builds beside the tests.
fn shim() -> PathBuf {
    let test = env::current_exe().unwrap();
    let shim = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples/shim");
    assert!(shim.exists(), "{} is not built", shim.display());
    shim
}
