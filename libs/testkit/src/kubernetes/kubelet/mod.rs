//! The kubelet of every node: runs the containers of pods as child processes of this one.
//!
//! Limits, compared with the real thing. There is no image: `command` must be given, and is found
//! in this machine's file system. There is no isolation: a volume is a folder, and where a mount
//! path stands in `command`, `args` or a variable it is replaced by that folder; `/tmp` is the
//! machine's, except as a whole value. Containers are never restarted, whatever `restartPolicy`
//! says. Resources are accounted for by the scheduler only. Probes and hooks are not run.

mod container;
mod environment;
mod interrupt;
mod logs;
mod pod;
mod status;
mod volumes;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::Notify;

pub(crate) use self::{
    container::kill_all,
    interrupt::declare_dead,
    logs::{ContainerLog, LogOptions, serve},
};
use super::{
    cluster::Cluster,
    json::{self, text},
    kind::Kind,
    state::State,
};

/// Something that happens to a pod from outside the API.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// The node is short of something: the message.
    Evict(String),
    /// A container took too much memory.
    OomKill,
    /// The node is gone; nobody says anything any more.
    Vanish,
}

/// The one who watches over a pod.
#[derive(Default)]
pub(crate) struct Keeper {
    wake: Notify,
    order: Mutex<Option<Order>>,
}

impl Keeper {
    fn take_order(&self) -> Option<Order> {
        self.order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// All kubelets.
#[derive(Default)]
pub(crate) struct Kubelets {
    keepers: BTreeMap<String, Arc<Keeper>>,
    logs: BTreeMap<(String, String), Arc<ContainerLog>>,
    /// Process ids of running containers, by the pod's uid and the container.
    live: BTreeMap<(String, String), i32>,
    most: usize,
    /// How many containers were started, by namespace and pod or Job.
    starts: BTreeMap<(String, String), usize>,
}

impl Kubelets {
    pub(crate) fn wake(&self, uid: &str) {
        if let Some(keeper) = self.keepers.get(uid) {
            keeper.wake.notify_one();
        }
    }

    /// The pod is gone, and its logs with it.
    pub(crate) fn removed(&mut self, uid: &str) {
        self.wake(uid);
        self.logs.retain(|(of, _), log| {
            let stays = of != uid;
            if !stays {
                log.remove();
            }
            stays
        });
    }

    pub(crate) fn order(&self, uid: &str, order: Order) {
        if let Some(keeper) = self.keepers.get(uid) {
            *keeper.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
            keeper.wake.notify_one();
        }
    }

    pub(crate) fn log(&self, uid: &str, container: &str) -> Option<Arc<ContainerLog>> {
        self.logs
            .get(&(uid.to_owned(), container.to_owned()))
            .cloned()
    }

    /// Containers that run now, and how many ran at the same time at most.
    pub(crate) fn live(&self) -> (usize, usize) {
        (self.live.len(), self.most)
    }

    pub(crate) fn starts(&self, namespace: &str, owner: &str) -> usize {
        let key = (namespace.to_owned(), owner.to_owned());
        self.starts.get(&key).copied().unwrap_or(0)
    }

    pub(crate) fn pids(&self) -> Vec<i32> {
        self.live.values().copied().collect()
    }

    fn started(&mut self, pod: &Value, container: &str, pid: i32, log: Arc<ContainerLog>) {
        let key = (json::uid(pod).to_owned(), container.to_owned());
        self.logs.insert(key.clone(), log);
        self.live.insert(key, pid);
        self.most = self.most.max(self.live.len());
        let owner = match text(pod, "/metadata/labels/batch.kubernetes.io~1job-name") {
            "" => json::name(pod),
            job => job,
        };
        let owner = (json::namespace(pod).to_owned(), owner.to_owned());
        *self.starts.entry(owner).or_default() += 1;
    }

    fn ended(&mut self, uid: &str, container: &str) {
        self.live.remove(&(uid.to_owned(), container.to_owned()));
    }
}

/// Gives every pod that was put on a node to its kubelet.
pub(crate) fn start_pods(cluster: &Arc<Cluster>, state: &mut State) {
    let fresh: Vec<Arc<Value>> = state
        .list(Kind::Pod, "")
        .filter(|pod| {
            !text(pod, "/spec/nodeName").is_empty() && text(pod, "/status/phase") == "Pending"
        })
        .filter(|pod| !state.kubelets.keepers.contains_key(json::uid(pod)))
        .filter(|pod| {
            !state
                .steering
                .lost_nodes
                .contains(text(pod, "/spec/nodeName"))
        })
        .cloned()
        .collect();
    for pod in fresh {
        let keeper = Arc::new(Keeper::default());
        state
            .kubelets
            .keepers
            .insert(json::uid(&pod).to_owned(), Arc::clone(&keeper));
        tokio::spawn(pod::keep(Arc::clone(cluster), pod, keeper));
    }
}
