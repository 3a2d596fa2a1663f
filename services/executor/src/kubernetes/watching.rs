//! The watches: one on Jobs, one on pods, one on what the Job controller cannot create.

use std::{collections::HashSet, fmt::Debug, pin::pin, sync::Arc};

use futures::StreamExt as _;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Event as Note, Pod},
};
use kube::{
    Api, Resource,
    runtime::watcher::{self, Event, watcher},
};
use maestro_runtime::clock;
use serde::de::DeserializeOwned;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{calls, cluster::Cluster, store};

/// Watches until `stop`.
pub(crate) fn start(cluster: &Arc<Cluster>, tasks: &TaskTracker, stop: &CancellationToken) {
    let jobs = Jobs {
        cluster: Arc::clone(cluster),
        listed: HashSet::new(),
    };
    let pods = Pods {
        cluster: Arc::clone(cluster),
        listed: HashSet::new(),
    };
    let notes = Notes(Arc::clone(cluster));
    let ours = config(cluster).labels(&cluster.settings.names.selector());
    let failures = config(cluster).fields("involvedObject.kind=Job,reason=FailedCreate");
    let watch_jobs = watch(
        Arc::clone(cluster),
        cluster.everywhere(),
        ours.clone(),
        jobs,
    );
    let watch_pods = watch(Arc::clone(cluster), cluster.everywhere(), ours, pods);
    let watch_notes = watch(Arc::clone(cluster), cluster.everywhere(), failures, notes);
    tasks.spawn(stop.clone().run_until_cancelled_owned(watch_jobs));
    tasks.spawn(stop.clone().run_until_cancelled_owned(watch_pods));
    tasks.spawn(stop.clone().run_until_cancelled_owned(watch_notes));
}

fn config(cluster: &Cluster) -> watcher::Config {
    watcher::Config::default().timeout(cluster.settings.config.watch_s)
}

/// Takes what a watch says.
trait Sink<K>: Send {
    /// One event.
    fn take(&mut self, event: Event<K>);
}

/// Watches one kind of object for ever. Lost connections are resumed at the last version seen; a
/// version that is too old leads to a new list.
async fn watch<K>(
    cluster: Arc<Cluster>,
    api: Api<K>,
    config: watcher::Config,
    mut sink: impl Sink<K>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = K::kind(&()).into_owned();
    let mut events = pin!(watcher(api, config));
    let mut pauses = calls::pauses();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                pauses = calls::pauses();
                sink.take(event);
            }
            Err(error) => {
                metrics::counter!("maestro_executor_watch_errors_total", "kind" => kind.clone())
                    .increment(1);
                tracing::debug!(%kind, error = &error as &dyn std::error::Error, "a watch is resumed");
                // Not asking is the way to wait: the stream resumes when it is asked.
                pauses.wait_jittered().await;
                cluster.gate.pass().await;
            }
        }
    }
}

struct Jobs {
    cluster: Arc<Cluster>,
    listed: HashSet<String>,
}

impl Sink<Job> for Jobs {
    fn take(&mut self, event: Event<Job>) {
        let store = &self.cluster.store;
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(mut job) => {
                self.listed.insert(store::uid(&job.metadata));
                job.metadata.managed_fields = None;
                store.put_job(job);
            }
            Event::InitDone => store.only_jobs(&self.listed),
            Event::Apply(mut job) => {
                job.metadata.managed_fields = None;
                store.put_job(job);
            }
            Event::Delete(job) => store.remove_job(&job),
        }
    }
}

struct Pods {
    cluster: Arc<Cluster>,
    listed: HashSet<String>,
}

impl Sink<Pod> for Pods {
    fn take(&mut self, event: Event<Pod>) {
        let store = &self.cluster.store;
        let now = clock::now();
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(mut pod) => {
                self.listed.insert(store::uid(&pod.metadata));
                pod.metadata.managed_fields = None;
                store.put_pod(pod, now);
            }
            Event::InitDone => store.only_pods(&self.listed, now),
            Event::Apply(mut pod) => {
                pod.metadata.managed_fields = None;
                store.put_pod(pod, now);
            }
            Event::Delete(pod) => store.remove_pod(pod, now),
        }
    }
}

struct Notes(Arc<Cluster>);

impl Sink<Note> for Notes {
    fn take(&mut self, event: Event<Note>) {
        let (Event::Apply(note) | Event::InitApply(note)) = event else {
            return;
        };
        let job = note.involved_object.name.as_deref().unwrap_or_default();
        if let Some(key) = self.0.settings.names.parse_job(job) {
            let said = note.message.unwrap_or_default();
            self.0.store.pod_refused(key, said);
        }
    }
}
