//! The objects, their history, and what the controllers remember.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    clock::{self, Clock},
    json::{self, set},
    kind::Kind,
    kubelet::Kubelets,
    steering::Steering,
};

const HISTORY: usize = 100_000;

/// Kind, namespace (empty for objects without one), name.
pub(crate) type Key = (Kind, String, String);

/// One entry of the history.
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) kind: Kind,
    /// After it; what was deleted, with the revision of its deletion.
    pub(crate) object: Arc<Value>,
    pub(crate) before: Option<Arc<Value>>,
    pub(crate) deleted: bool,
}

/// Everything the fake cluster knows.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) revision: u64,
    /// Watches from this revision or an older one are refused.
    pub(crate) compacted: u64,
    pub(crate) steering: Steering,
    pub(crate) kubelets: Kubelets,
    /// What is left of lists in pages, by the number in their token, with their revision.
    pub(crate) pages: BTreeMap<u64, (u64, Vec<Arc<Value>>)>,
    /// When Jobs may create a pod again, by uid.
    pub(crate) job_backoff: BTreeMap<String, (u32, i128)>,
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    changes: watch::Sender<u64>,
}

impl State {
    pub(crate) fn new(steering: Steering) -> Self {
        Self {
            clock: Clock::new(),
            revision: 1,
            compacted: 0,
            steering,
            kubelets: Kubelets::default(),
            pages: BTreeMap::new(),
            job_backoff: BTreeMap::new(),
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            changes: watch::Sender::new(1),
        }
    }

    /// Tells of every new revision.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Wakes everybody who watches for changes, though nothing is stored.
    pub(crate) fn wake(&self) {
        self.changes.send_replace(self.revision);
    }

    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects
            .get(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// All of a kind, of one namespace or, when that is empty, of all.
    pub(crate) fn list(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        let from = (kind, namespace.to_owned(), String::new());
        let namespace = namespace.to_owned();
        self.objects
            .range(from..)
            .take_while(move |((of, within, _), _)| {
                *of == kind && (namespace.is_empty() || *within == namespace)
            })
            .map(|(_, object)| object)
    }

    /// All objects.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Kind, &Arc<Value>)> {
        self.objects.iter().map(|(key, object)| (key.0, object))
    }

    /// A copy that can be changed and stored again.
    pub(crate) fn copy(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.get(kind, namespace, name)
            .map(|object| Value::clone(object))
    }

    /// Stores an object under its name; what is already as wanted keeps its revision. An object
    /// that is being deleted and waits for nothing more is removed.
    pub(crate) fn put(&mut self, kind: Kind, mut object: Value) -> Arc<Value> {
        let key = key_of(kind, &object);
        let before = self.objects.get(&key).cloned();
        if let Some(before) = &before {
            set(
                &mut object,
                &["metadata", "resourceVersion"],
                before["metadata"]["resourceVersion"].clone(),
            );
            if **before == object {
                return Arc::clone(before);
            }
        }
        self.revision += 1;
        let revision = self.revision.to_string();
        set(&mut object, &["metadata", "resourceVersion"], revision);
        if is_done(kind, &object) {
            return self.record_removal(&key, object, before);
        }
        let object = Arc::new(object);
        self.objects.insert(key, Arc::clone(&object));
        self.record(kind, Arc::clone(&object), before, false);
        object
    }

    /// Removes an object whatever it waits for.
    pub(crate) fn remove(&mut self, kind: Kind, object: &Value) -> Arc<Value> {
        self.revision += 1;
        let mut last = object.clone();
        let revision = self.revision.to_string();
        set(&mut last, &["metadata", "resourceVersion"], revision);
        let key = key_of(kind, object);
        let before = self.objects.get(&key).cloned();
        self.record_removal(&key, last, before)
    }

    fn record_removal(&mut self, key: &Key, last: Value, before: Option<Arc<Value>>) -> Arc<Value> {
        self.objects.remove(key);
        if key.0 == Kind::Pod {
            self.kubelets.removed(json::uid(&last));
        }
        let last = Arc::new(last);
        self.record(key.0, Arc::clone(&last), before, true);
        last
    }

    fn record(
        &mut self,
        kind: Kind,
        object: Arc<Value>,
        before: Option<Arc<Value>>,
        deleted: bool,
    ) {
        if kind == Kind::Pod {
            self.kubelets.wake(json::uid(&object));
        }
        self.history.push_back(Change {
            revision: self.revision,
            kind,
            object,
            before,
            deleted,
        });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.revision;
        }
        self.wake();
    }

    /// What changed after a revision; `None` when that is not known any more.
    pub(crate) fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        if revision < self.compacted {
            return None;
        }
        let from = self
            .history
            .partition_point(|change| change.revision <= revision);
        Some(self.history.range(from..))
    }

    /// Forgets the history up to now.
    pub(crate) fn compact(&mut self) {
        // A revision of its own, so that whoever has seen everything is too old as well.
        self.revision += 1;
        self.compacted = self.revision;
        self.history.clear();
        self.pages.clear();
        self.wake();
    }

    /// Records an event about an object, as controllers do.
    pub(crate) fn event(&mut self, about: (Kind, &Value), kind: &str, reason: &str, message: &str) {
        let (of, object) = about;
        let now = self.clock.nanos();
        let at = clock::seconds(now);
        let namespace = match json::namespace(object) {
            "" => "default",
            namespace => namespace,
        };
        let name = format!("{}.{:x}", json::name(object), now);
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace, "uid": super::naming::uid(), "creationTimestamp": at},
            "involvedObject": {"apiVersion": of.api_version(), "kind": of.info().name,
                "namespace": json::namespace(object), "name": json::name(object), "uid": json::uid(object),
                "resourceVersion": object["metadata"]["resourceVersion"]},
            "type": kind, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": at, "lastTimestamp": at, "source": {"component": "fake-kubernetes"},
            "reportingComponent": "fake-kubernetes", "reportingInstance": "",
        });
        self.put(Kind::Event, event);
    }
}

fn key_of(kind: Kind, object: &Value) -> Key {
    let namespace = if kind.info().namespaced {
        json::namespace(object).to_owned()
    } else {
        String::new()
    };
    (kind, namespace, json::name(object).to_owned())
}

/// Whether an object is being deleted and nothing holds it any more.
fn is_done(kind: Kind, object: &Value) -> bool {
    json::deleting(object)
        && json::list(object, "/metadata/finalizers").is_empty()
        && json::list(object, "/spec/finalizers").is_empty()
        && (kind != Kind::Pod
            || json::int(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) == 0)
}
