//! Runs as child processes on this machine, each under a shim that outlives the executor.

mod ending;
mod environment;
pub(crate) mod folder;
mod leftovers;
pub(crate) mod procfs;
pub(crate) mod records;
mod removal;
mod start;
mod tail;
mod watcher;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use maestro_domain::{ExecutorId, Name, Timestamp, report::Execution};
use maestro_runtime::clock;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    folder::Folder,
    records::{ProcessId, Spec},
    tail::Tail,
};
use crate::{
    backend::{Attempt, Backend, MayCreate, Observation, Task},
    logs::masking,
};

/// A folder that is not complete yet or being removed begins with this.
const HIDDEN: &str = ".";

/// Where the backend keeps its attempts and how it treats them.
pub(crate) struct Settings {
    /// One folder per attempt below.
    pub(crate) attempts: PathBuf,
    /// Program of the shim.
    pub(crate) shim: PathBuf,
    /// Between TERM and KILL.
    pub(crate) term_grace: Duration,
    /// How long a folder is kept after its result was collected.
    pub(crate) retention: Duration,
    /// Pool of an attempt whose own record was destroyed.
    pub(crate) fallback_pool: Name,
    /// Who uses the data folder: nobody else can adopt what is in it.
    pub(crate) executor: ExecutorId,
}

/// The process backend.
pub(crate) struct ProcessBackend {
    settings: Settings,
    watched: Mutex<HashMap<Execution, watch::Receiver<Observation>>>,
    watchers: TaskTracker,
    stop: CancellationToken,
}

impl ProcessBackend {
    /// Uses the folder of attempts, which it creates when missing. The caller holds the lock of
    /// the data folder.
    pub(crate) fn open(settings: Settings) -> io::Result<Self> {
        if !settings.attempts.exists() {
            folder::create_private_dir(&settings.attempts)?;
        }
        Ok(Self {
            settings,
            watched: Mutex::default(),
            watchers: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// An attempt has one folder, whatever token it was created under.
    fn folder(&self, execution: Execution) -> Folder {
        let exact = Folder::of(&self.settings.attempts, execution);
        if exact.path().exists() {
            return exact;
        }
        let same =
            |found: Execution| (found.run, found.attempt) == (execution.run, execution.attempt);
        let entries = fs::read_dir(&self.settings.attempts).into_iter().flatten();
        entries
            .flatten()
            .map(|entry| Folder::new(entry.path()))
            .find(|folder| folder.execution().is_some_and(same))
            .unwrap_or(exact)
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Execution, watch::Receiver<Observation>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts following an attempt; `watcher` reports to the sender it is given.
    fn follow<W, F>(&self, execution: Execution, watcher: W)
    where
        W: FnOnce(Folder, watch::Sender<Observation>) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(Observation::Starting);
        self.watched().insert(execution, receiver);
        let watching = watcher(self.folder(execution), sender);
        self.watchers
            .spawn(self.stop.clone().run_until_cancelled_owned(watching));
    }

    fn attempt(&self, folder: &Folder, execution: Execution) -> Attempt {
        match folder::read::<Spec>(&folder.spec()) {
            Ok(Some(Spec {
                pool, traceparent, ..
            })) => Attempt {
                execution,
                pool,
                traceparent,
            },
            Ok(None) | Err(_) => Attempt {
                execution,
                pool: self.settings.fallback_pool.clone(),
                traceparent: None,
            },
        }
    }
}

impl Drop for ProcessBackend {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Backend for ProcessBackend {
    type Logs = Tail;

    fn site(&self) -> Name {
        let id = self.settings.executor.uuid().simple();
        format!("process-{id}").parse().expect("hex digits fit")
    }

    fn kind(&self) -> &'static str {
        "process"
    }

    async fn recover(&self) -> io::Result<Vec<Attempt>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.settings.attempts)? {
            let entry = entry?;
            if is_hidden(&entry.path()) {
                removal::remove(&entry.path()).unwrap_or_else(|error| {
                    tracing::warn!(%error, "the rest of an attempt cannot be removed");
                });
                continue;
            }
            let folder = Folder::new(entry.path());
            if folder.collected().exists() {
                continue;
            }
            let Some(execution) = folder.lease()? else {
                continue;
            };
            found.push(self.attempt(&folder, execution));
            self.follow(execution, watcher::watch_adopted);
            if folder.cancel().exists() {
                self.cancel(execution).await?;
            }
        }
        Ok(found)
    }

    async fn ensure(&self, task: &Task, may_create: MayCreate<'_>) -> io::Result<Attempt> {
        if !may_create() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let execution = task.start.execution;
        let folder = self.folder(execution);
        if !folder.path().exists() {
            start::prepare(&folder, task, &self.settings)?;
            let mut shim = start::spawn(&folder, &self.settings)?;
            let stdout = shim.stdout.take();
            self.follow(execution, |folder, seen| {
                watcher::watch_child(folder, shim, stdout, seen)
            });
        } else if !self.watched().contains_key(&execution) {
            self.follow(execution, watcher::watch_adopted);
        }
        Ok(self.attempt(&folder, execution))
    }

    async fn adopt(&self, execution: Execution, _: &Name) -> io::Result<Option<Attempt>> {
        let folder = self.folder(execution);
        let Some(found) = folder.lease()? else {
            return Ok(None);
        };
        if found.token > execution.token {
            return Err(io::Error::other("it belongs to a newer lease"));
        }
        if found != execution {
            folder.set_lease(execution)?;
            self.watched().remove(&found);
        }
        if !self.watched().contains_key(&execution) {
            self.follow(execution, watcher::watch_adopted);
        }
        Ok(Some(self.attempt(&folder, execution)))
    }

    /// Nobody else reaches what is in this folder: without a lease it has to end.
    async fn forget(&self, execution: Execution) {
        if let Err(error) = self.cancel(execution).await {
            tracing::error!(run.id = %execution.run, %error, "an attempt without a lease lives on");
        }
        let Some(mut seen) = self.watched().remove(&execution) else {
            return;
        };
        let folder = self.folder(execution);
        let removing = async move {
            if seen.wait_for(Observation::has_ended).await.is_ok()
                && let Err(error) = mark_collected(&folder, clock::now())
            {
                tracing::warn!(%error, "an attempt without a lease stays on disk");
            }
        };
        self.watchers
            .spawn(self.stop.clone().run_until_cancelled_owned(removing));
    }

    async fn cancel(&self, execution: Execution) -> io::Result<()> {
        let folder = self.folder(execution);
        folder::write_private(&folder.cancel(), b"")?;
        let shim: Option<ProcessId> = folder::read_volatile(&folder.shim())?;
        if let Some(shim) = shim.filter(|shim| shim.alive() && watcher::held(&folder)) {
            // ESRCH: it has just ended by itself.
            let _ = kill(Pid::from_raw(shim.pid), Signal::SIGTERM);
        }
        Ok(())
    }

    fn observe(&self, execution: Execution) -> Option<watch::Receiver<Observation>> {
        self.watched().get(&execution).cloned()
    }

    async fn logs(&self, execution: Execution, _: u64) -> io::Result<(Tail, Vec<String>)> {
        let folder = self.folder(execution);
        let seen = self.observe(execution).ok_or(io::ErrorKind::NotFound)?;
        // Without it the secrets are not known, so nothing may be shown.
        let spec: Spec = folder::read(&folder.spec())?.ok_or(io::ErrorKind::NotFound)?;
        Ok((
            Tail::open(&folder, seen)?,
            masking::secrets(&spec.launch.env),
        ))
    }

    async fn collect(&self, execution: Execution, now: Timestamp) -> io::Result<()> {
        mark_collected(&self.folder(execution), now)?;
        self.watched().remove(&execution);
        Ok(())
    }

    async fn end_all(&self) {
        let folders = self
            .watched()
            .keys()
            .map(|execution| self.folder(*execution))
            .collect();
        ending::end_all(folders).await;
    }

    async fn sweep(&self, now: Timestamp) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.settings.attempts)? {
            let folder = Folder::new(entry?.path());
            let Ok(collected) = fs::read_to_string(folder.collected()) else {
                continue;
            };
            let at = Timestamp::from_millis(collected.parse().unwrap_or_default());
            if now.since(at) < self.settings.retention {
                continue;
            }
            // Hidden first, so that half of a folder is never found.
            let away = hidden(folder.path());
            let gone = fs::rename(folder.path(), &away).and_then(|()| removal::remove(&away));
            match gone {
                Ok(()) => removed += 1,
                Err(error) => tracing::warn!(%error, "an attempt's folder cannot be removed"),
            }
        }
        Ok(removed)
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(HIDDEN))
}

fn hidden(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{HIDDEN}{name}"))
}

fn mark_collected(folder: &Folder, now: Timestamp) -> io::Result<()> {
    folder::write_private(&folder.collected(), now.millis().to_string().as_bytes())?;
    // Its secrets are not needed any more.
    remove_if_there(&folder.spec())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
