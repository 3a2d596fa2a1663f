//! Runs as Kubernetes Jobs: one per attempt, with one pod that is never replaced. The Job carries
//! everything an executor has to know, so any executor of the instance can continue it.

mod access;
mod adoption;
mod calls;
mod cluster;
mod collecting;
pub(crate) mod config;
mod connect;
mod creation;
mod ending;
mod following;
mod gate;
mod judgement;
mod logs;
mod manifest;
mod names;
mod namespaces;
mod placement;
mod settings;
mod site;
mod store;
mod sweeping;
mod watching;

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::api::{batch::v1::Job, core::v1::Secret};
use maestro_domain::{
    Name, Timestamp,
    report::{End, Execution},
};
use maestro_runtime::clock;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    access::AccessError,
    calls::CallError,
    cluster::Cluster,
    connect::ConnectError,
    creation::Creation,
    ending::Ending,
    logs::{Source, Tail},
};
pub(crate) use self::{names::Names, settings::Settings};
use crate::{
    backend::{Attempt, Backend, MayCreate, Observation, Task},
    logs::masking,
};

const END_ALL_WITHIN: Duration = Duration::from_secs(5);

/// Why the backend cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the configuration cannot work")]
    Config(#[from] config::ConfigError),
    #[error("there is no access to a cluster")]
    Connect(#[from] ConnectError),
    #[error("the cluster does not allow what is needed")]
    Access(#[from] AccessError),
    #[error("the cluster cannot be told from others")]
    Site(#[from] CallError),
}

/// The kubernetes backend.
pub(crate) struct KubernetesBackend {
    cluster: Arc<Cluster>,
    site: Name,
    followed: Mutex<HashMap<Execution, Followed>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// An attempt this executor looks after or is creating.
struct Followed {
    /// Ends with the attempt, or when it is forgotten.
    forgotten: CancellationToken,
    seen: Option<watch::Receiver<Observation>>,
    /// Values that must not be shown; `None` until they were read from its Secret.
    secrets: Option<Vec<String>>,
    canceled: Option<Timestamp>,
}

impl KubernetesBackend {
    /// Connects, checks the rights, and begins to watch.
    ///
    /// # Errors
    /// When the configuration or the credentials are not good enough; waits while the API server
    /// is away.
    pub(crate) async fn open(settings: Settings) -> Result<Self, OpenError> {
        settings.config.check(settings.term_grace_s)?;
        let (client, gate) = connect::connect(&settings.config).await?;
        let cluster = Cluster::new(client, gate, settings);
        cluster.check_access().await?;
        let site = cluster.site().await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        watching::start(&cluster, &tasks, &stop);
        Ok(Self {
            cluster,
            site,
            followed: Mutex::default(),
            tasks,
            stop,
        })
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<Execution, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an execution; the token says when it is forgotten.
    fn enter(&self, execution: Execution) -> CancellationToken {
        let mut followed = self.followed();
        let entry = followed.entry(execution).or_insert_with(|| Followed {
            forgotten: self.stop.child_token(),
            seen: None,
            secrets: None,
            canceled: None,
        });
        entry.forgotten.clone()
    }

    /// Follows a Job that is there.
    fn follow(&self, job: Job, secrets: Option<Vec<String>>) -> io::Result<Attempt> {
        let attempt = adoption::attempt(&job, &self.cluster.settings.pools)
            .ok_or_else(|| io::Error::other("the Job lacks labels of Maestro's"))?;
        let execution = attempt.execution;
        let forgotten = self.enter(execution);
        self.cluster.store.put_job(job);
        let mut followed = self.followed();
        let Some(entry) = followed
            .get_mut(&execution)
            .filter(|entry| entry.seen.is_none())
        else {
            return Ok(attempt);
        };
        let (sender, receiver) = watch::channel(Observation::Starting);
        entry.seen = Some(receiver);
        entry.secrets = secrets;
        let facts = self
            .cluster
            .store
            .follow((execution.run, execution.attempt));
        let following = following::follow(Arc::clone(&self.cluster), execution, facts, sender);
        self.tasks
            .spawn(forgotten.run_until_cancelled_owned(following));
        Ok(attempt)
    }

    async fn secrets(&self, execution: Execution) -> io::Result<Vec<String>> {
        let known = self
            .followed()
            .get(&execution)
            .and_then(|followed| followed.secrets.clone());
        if let Some(secrets) = known {
            return Ok(secrets);
        }
        let located = self.cluster.locate(execution).await?;
        let (namespace, job) = located.ok_or(io::ErrorKind::NotFound)?;
        let api = self.cluster.within::<Secret>(&namespace);
        let name = names::environment(&job);
        // Without it the secrets are not known, so nothing may be shown.
        let secret = calls::repeat(&self.cluster.gate, None, || api.get(&name)).await?;
        Ok(masking::secrets(&manifest::secrets(&secret)))
    }
}

impl Drop for KubernetesBackend {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Backend for KubernetesBackend {
    type Logs = Tail;

    fn site(&self) -> Name {
        self.site.clone()
    }

    fn kind(&self) -> &'static str {
        "kubernetes"
    }

    async fn recover(&self) -> io::Result<Vec<Attempt>> {
        let jobs = self.cluster.own_jobs().await?;
        Ok(jobs
            .into_iter()
            .filter_map(|job| self.follow(job, None).ok())
            .collect())
    }

    async fn ensure(&self, task: &Task, may_create: MayCreate<'_>) -> io::Result<Attempt> {
        let execution = task.start.execution;
        let creation = Creation {
            cluster: &self.cluster,
            task,
            may_create,
            forgotten: self.enter(execution),
        };
        let job = match creation.run().await {
            Ok(job) => job,
            Err(error) => {
                self.followed().remove(&execution);
                return Err(error.into());
            }
        };
        let attempt = self.follow(job, Some(masking::secrets(&task.spec.env)))?;
        let canceled = self
            .followed()
            .get(&execution)
            .and_then(|entry| entry.canceled);
        if canceled.is_some() {
            self.cancel(execution).await?;
        }
        Ok(attempt)
    }

    async fn adopt(&self, execution: Execution, _: &Name) -> io::Result<Option<Attempt>> {
        match self.cluster.take_over(execution).await? {
            Some(job) => self.follow(job, None).map(Some),
            None => Ok(None),
        }
    }

    async fn forget(&self, execution: Execution) {
        let forgotten = self.followed().remove(&execution);
        if let Some(followed) = forgotten {
            followed.forgotten.cancel();
        }
    }

    async fn cancel(&self, execution: Execution) -> io::Result<()> {
        let at = clock::now();
        if let Some(followed) = self.followed().get_mut(&execution) {
            followed.canceled.get_or_insert(at);
            if followed.seen.is_none() {
                // It is being created, and ended right after.
                return Ok(());
            }
        }
        let known = self.cluster.store.job((execution.run, execution.attempt));
        let ending = known.as_ref().is_some_and(|job| {
            names::annotation(&job.metadata, names::ENDING).is_some() || judgement::is_settled(job)
        });
        if ending {
            return Ok(());
        }
        let canceled = Ending {
            end: End::Canceled,
            at,
            detail: None,
        };
        match self.cluster.end(execution, &canceled).await? {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn observe(&self, execution: Execution) -> Option<watch::Receiver<Observation>> {
        self.followed().get(&execution)?.seen.clone()
    }

    async fn logs(&self, execution: Execution, shipped: u64) -> io::Result<(Tail, Vec<String>)> {
        let seen = self.observe(execution).ok_or(io::ErrorKind::NotFound)?;
        let tail = Tail::open(Source {
            cluster: Arc::clone(&self.cluster),
            execution,
            seen,
            secrets: self.secrets(execution).await?,
            shipped,
        });
        // It masks itself: its offsets count masked bytes.
        Ok((tail, Vec::new()))
    }

    async fn collect(&self, execution: Execution, now: Timestamp) -> io::Result<()> {
        self.cluster.collect(execution, now).await?;
        self.forget(execution).await;
        Ok(())
    }

    async fn end_all(&self) {
        let executions: Vec<_> = self.followed().keys().copied().collect();
        let ending = Ending {
            end: End::Lost,
            at: clock::now(),
            detail: Some("Maestro was stopped with all its runs".to_owned()),
        };
        let all = executions
            .iter()
            .map(|execution| self.cluster.end(*execution, &ending));
        let all = futures::future::join_all(all);
        if tokio::time::timeout(END_ALL_WITHIN, all).await.is_err() {
            tracing::warn!("not every run could be ended");
        }
    }

    async fn sweep(&self, now: Timestamp) -> io::Result<usize> {
        let followed: HashSet<_> = self
            .followed()
            .keys()
            .map(|execution| (execution.run, execution.attempt))
            .collect();
        Ok(self.cluster.sweep(&followed, now).await?)
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
