//! What a test does to the cluster, and what it sees of it from outside.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    delete::Deletion,
    faults::Faults,
    handle::Kubernetes,
    json::{self, set, set_condition, text},
    kind::Kind,
    kubelet::{self, Order},
    request,
    state::State,
};

impl Kubernetes {
    /// What goes wrong from now on; `None`: nothing.
    pub fn set_faults(&self, faults: Option<Faults>) {
        self.cluster.lock().steering.faults.set(faults);
    }

    /// Forgets the history: every watch that continues from before is told 410.
    pub fn compact(&self) {
        self.cluster.lock().compact();
    }

    /// An admission webhook denies every new object of a kind (its plural, such as `jobs`) with a
    /// message; `None` ends that.
    ///
    /// # Panics
    /// When there is no such kind.
    pub fn deny_creation(&self, plural: &str, message: Option<&str>) {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.info().plural == plural)
            .expect("a kind");
        let mut state = self.cluster.lock();
        state.steering.webhooks.retain(|(of, _)| *of != kind);
        state
            .steering
            .webhooks
            .extend(message.map(|message| (kind, message.to_owned())));
    }

    /// Images with `pattern` in their name cannot be pulled.
    pub fn break_image(&self, pattern: &str) {
        self.cluster
            .lock()
            .steering
            .missing_images
            .push(pattern.to_owned());
    }

    /// While paused, no pod gets a node.
    pub fn pause_scheduler(&self, paused: bool) {
        let mut state = self.cluster.lock();
        state.steering.scheduler_paused = paused;
        state.wake();
    }

    /// Adds, or changes with a merge patch, an object as an administrator would, without admission.
    /// `path` is the path of the API.
    ///
    /// # Panics
    /// When the path names no object.
    pub fn set_object(&self, path: &str, patch: &Value) {
        let target = request::target(path).expect("the path of an object");
        let name = target.name.expect("an object's name");
        let mut state = self.cluster.lock();
        let new = json!({"apiVersion": target.kind.api_version(), "kind": target.kind.info().name,
            "metadata": {"name": name, "namespace": target.namespace, "uid": super::naming::uid(), "creationTimestamp": state.clock.text()}});
        let mut object = state
            .copy(target.kind, &target.namespace, &name)
            .unwrap_or(new);
        json_patch::merge(&mut object, patch);
        state.put(target.kind, object);
    }

    /// The object at a path of the API.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<Value> {
        let target = request::target(path)?;
        self.cluster
            .lock()
            .copy(target.kind, &target.namespace, &target.name?)
    }

    /// All objects of a kind (its plural), in all namespaces.
    ///
    /// # Panics
    /// When there is no such kind.
    #[must_use]
    pub fn objects(&self, plural: &str) -> Vec<Value> {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.info().plural == plural)
            .expect("a kind");
        let state = self.cluster.lock();
        state
            .list(kind, "")
            .map(|object| Value::clone(object))
            .collect()
    }

    /// Deletes an object as somebody else would, with its dependents; returns whether it was there.
    #[must_use]
    pub fn delete(&self, path: &str) -> bool {
        let Some((kind, object, mut state)) = self.find(path) else {
            return false;
        };
        state
            .delete_object(kind, &object, &Deletion::background())
            .is_ok()
    }

    fn find(&self, path: &str) -> Option<(Kind, Arc<Value>, std::sync::MutexGuard<'_, State>)> {
        let target = request::target(path)?;
        let state = self.cluster.lock();
        let object = state
            .get(target.kind, &target.namespace, &target.name?)
            .cloned()?;
        Some((target.kind, object, state))
    }

    /// The node runs short of memory and evicts the pod: it fails with the reason `Evicted`.
    #[must_use]
    pub fn evict(&self, pod: &str) -> bool {
        let message =
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. ";
        self.order(pod, Order::Evict(message.to_owned()))
    }

    /// A container of the pod is killed because it needs too much memory.
    #[must_use]
    pub fn oom_kill(&self, pod: &str) -> bool {
        self.order(pod, Order::OomKill)
    }

    fn order(&self, pod: &str, order: Order) -> bool {
        let Some((_, object, state)) = self.find(pod) else {
            return false;
        };
        state.kubelets.order(json::uid(&object), order);
        true
    }

    /// The scheduler deletes the pod in favour of another.
    #[must_use]
    pub fn preempt(&self, pod: &str) -> bool {
        self.disrupt(
            pod,
            "PreemptionByScheduler",
            "default-scheduler: preempting to accommodate a higher priority pod",
        )
    }

    /// Somebody drains the node through the eviction API.
    #[must_use]
    pub fn drain(&self, pod: &str) -> bool {
        self.disrupt(pod, "EvictionByEvictionAPI", "Eviction API: evicting")
    }

    fn disrupt(&self, pod: &str, reason: &str, message: &str) -> bool {
        let Some((kind, object, mut state)) = self.find(pod) else {
            return false;
        };
        let object = disruption(&mut state, &object, reason, message);
        state
            .delete_object(kind, &object, &Deletion::background())
            .is_ok()
    }

    /// The node does not answer any more: its containers are gone, its pods stay as they were but
    /// not ready, and their logs cannot be read.
    pub fn lose_node(&self, node: &str) {
        let mut state = self.cluster.lock();
        state.steering.lost_nodes.insert(node.to_owned());
        let now = state.clock.text();
        if let Some(mut object) = state.copy(Kind::Node, "", node) {
            let condition = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."});
            set_condition(&mut object, condition, &now);
            set(
                &mut object,
                &["spec", "taints"],
                json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]),
            );
            state.put(Kind::Node, object);
        }
        for pod in pods_of(&state, node) {
            let mut new = Value::clone(&pod);
            set_condition(
                &mut new,
                json!({"type": "Ready", "status": "False", "reason": "NodeNotReady"}),
                &now,
            );
            state.put(Kind::Pod, new);
            state.kubelets.order(json::uid(&pod), Order::Vanish);
        }
    }

    /// The tolerations of a lost node's pods are over: they are marked for deletion, and stay
    /// because nobody confirms their end.
    pub fn taint_lost_node(&self, node: &str) {
        let mut state = self.cluster.lock();
        for pod in pods_of(&state, node) {
            let pod = disruption(
                &mut state,
                &pod,
                "DeletionByTaintManager",
                "Taint manager: deleting due to NoExecute taint",
            );
            // Without preconditions nothing is refused.
            let _ = state.delete_object(Kind::Pod, &pod, &Deletion::background());
        }
    }

    /// A lost node is removed from the cluster: the garbage collector fails and removes its pods.
    pub fn remove_node(&self, node: &str) {
        let mut state = self.cluster.lock();
        if let Some(object) = state.copy(Kind::Node, "", node) {
            state.remove(Kind::Node, &object);
        }
        let now = state.clock.text();
        for pod in pods_of(&state, node) {
            let mut new = Value::clone(&pod);
            kubelet::declare_dead(&mut new, "PodGC: node no longer exists", &now);
            let pod = state.put(Kind::Pod, new);
            // Without preconditions nothing is refused.
            let _ = state.delete_object(Kind::Pod, &pod, &Deletion::forced());
        }
    }

    /// Containers that run now.
    #[must_use]
    pub fn live(&self) -> usize {
        self.cluster.lock().kubelets.live().0
    }

    /// How many containers ran at the same time at most, ever.
    #[must_use]
    pub fn most_live(&self) -> usize {
        self.cluster.lock().kubelets.live().1
    }

    /// How many containers were ever started for a Job, or for a pod without one.
    #[must_use]
    pub fn starts(&self, namespace: &str, owner: &str) -> usize {
        self.cluster.lock().kubelets.starts(namespace, owner)
    }

    /// What was asked for so far, as `verb group/resource`; for working out the least rights.
    #[must_use]
    pub fn used_rights(&self) -> Vec<String> {
        let state = self.cluster.lock();
        let mut all: Vec<_> = state
            .steering
            .needed
            .iter()
            .map(|need| format!("{} {}/{}", need.verb, need.group, need.resource))
            .collect();
        all.dedup();
        all
    }
}

fn pods_of(state: &State, node: &str) -> Vec<Arc<Value>> {
    let ended = |pod: &Value| ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
    let pods = state.list(Kind::Pod, "");
    pods.filter(|pod| text(pod, "/spec/nodeName") == node && !ended(pod))
        .cloned()
        .collect()
}

fn disruption(state: &mut State, pod: &Value, reason: &str, message: &str) -> Arc<Value> {
    let mut new = pod.clone();
    let now = state.clock.text();
    let condition =
        json!({"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message});
    set_condition(&mut new, condition, &now);
    state.put(Kind::Pod, new)
}
