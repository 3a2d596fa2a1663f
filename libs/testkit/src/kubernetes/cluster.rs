//! What everything in the fake cluster shares.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{kind::Kind, naming, rights::Right, state::State, steering::Steering};

/// The state, and what stops those who work on it.
pub(crate) struct Cluster {
    pub(crate) stop: CancellationToken,
    pub(crate) token: String,
    state: Mutex<State>,
    folder: PathBuf,
}

impl Cluster {
    pub(crate) fn new(folder: &Path, rights: Option<Vec<Right>>) -> Self {
        let mut state = State::new(Steering::new(rights));
        for name in ["kube-system", "default"] {
            add_namespace(&mut state, name);
        }
        for name in ["node-1", "node-2"] {
            add_node(&mut state, name);
        }
        Self {
            stop: CancellationToken::new(),
            token: naming::uid(),
            state: Mutex::new(state),
            folder: folder.to_owned(),
        }
    }

    /// For a short time; nothing is awaited meanwhile.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the folders of pods are.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.join("pods")
    }
}

fn add_namespace(state: &mut State, name: &str) {
    let at = state.clock.text();
    state.put(
        Kind::Namespace,
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "uid": naming::uid(), "creationTimestamp": at, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }),
    );
}

fn add_node(state: &mut State, name: &str) {
    let at = state.clock.text();
    let resources = json!({"cpu": "64", "memory": "256Gi", "pods": "1100"});
    state.put(
        Kind::Node,
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "uid": naming::uid(), "creationTimestamp": at,
                "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
            "spec": {},
            "status": {"capacity": resources, "allocatable": resources,
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": at}]},
        }),
    );
}
