//! Watches.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use maestro_runtime::clock::monotonic;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    cluster::Cluster,
    faults::Cut,
    read,
    refusal::Refusal,
    request::{Request, Target},
    selector::Selector,
    state::Change,
};

const BOOKMARK_EVERY: Duration = Duration::from_secs(2);

/// What is sent: a piece of the body, or an abrupt end.
pub(crate) type Piece = Result<Bytes, std::io::Error>;

/// A watch that was asked for.
pub(crate) struct Watch {
    target: Target,
    selector: Selector,
    from: u64,
    initial: Vec<Arc<Value>>,
    bookmarks: bool,
    ends_list: bool,
    lasts: Duration,
    cut: Option<Cut>,
}

impl Watch {
    /// # Errors
    /// 400 and 422 for wrong parameters, 504 for a revision that does not exist yet.
    pub(crate) fn open(
        cluster: &Cluster,
        target: Target,
        request: &Request,
    ) -> Result<Self, Refusal> {
        let mut state = cluster.lock();
        let selector = state.selector(&target, request)?;
        let asked = read::revision(request)?;
        let bookmarks = request.flag("allowWatchBookmarks");
        let ends_list = request.flag("sendInitialEvents");
        if ends_list && request.param("resourceVersionMatch") != "NotOlderThan" {
            return Err(Refusal::new(
                422,
                "Invalid",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        if asked.unwrap_or(0) > state.revision {
            return Err(Refusal::new(504, "Timeout", "Too large resource version").after(1));
        }
        let fresh = ends_list || asked.unwrap_or(0) == 0;
        let mut from = asked.unwrap_or(0);
        let mut initial = Vec::new();
        if fresh {
            from = state.revision;
            let all = state.list(target.kind, &target.namespace);
            initial = all
                .filter(|object| selector.matches(object))
                .cloned()
                .collect();
        }
        let seconds = request.number("timeoutSeconds")?.unwrap_or(1800);
        let cut = state.steering.faults.cut();
        if cut == Some(Cut::Gone) {
            from = 0;
        }
        Ok(Self {
            target,
            selector,
            from,
            initial,
            bookmarks,
            ends_list,
            lasts: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
            cut,
        })
    }

    /// Sends until the time is over, the reader is gone, or the cluster stops.
    pub(crate) async fn run(mut self, cluster: Arc<Cluster>, out: mpsc::Sender<Piece>) {
        let started = monotonic();
        let mut changes = cluster.lock().subscribe();
        for object in std::mem::take(&mut self.initial) {
            if send(&out, "ADDED", &object).await.is_none() {
                return;
            }
        }
        if self.ends_list && send(&out, "BOOKMARK", &self.bookmark(true)).await.is_none() {
            return;
        }
        loop {
            changes.borrow_and_update();
            if self.send_changes(&cluster, &out).await.is_none() {
                return;
            }
            let left = self.lasts.saturating_sub(started.elapsed());
            if left.is_zero() {
                return;
            }
            let patience = left.min(self.cut_after()).min(BOOKMARK_EVERY);
            let waited = tokio::select! {
                () = cluster.stop.cancelled() => return,
                () = out.closed() => return,
                waited = timeout(patience, changes.changed()) => waited,
            };
            if waited.is_err() {
                if self.is_cut(&out).await {
                    return;
                }
                if self.bookmarks
                    && send(&out, "BOOKMARK", &self.bookmark(false))
                        .await
                        .is_none()
                {
                    return;
                }
            }
        }
    }

    fn cut_after(&self) -> Duration {
        match self.cut {
            Some(Cut::Disconnect(after)) => after,
            _ => BOOKMARK_EVERY,
        }
    }

    async fn is_cut(&self, out: &mpsc::Sender<Piece>) -> bool {
        if !matches!(self.cut, Some(Cut::Disconnect(_))) {
            return false;
        }
        let _ = out
            .send(Err(std::io::ErrorKind::ConnectionReset.into()))
            .await;
        true
    }

    async fn send_changes(&mut self, cluster: &Cluster, out: &mpsc::Sender<Piece>) -> Option<()> {
        let events = {
            let state = cluster.lock();
            let events = state.since(self.from).map(|changes| {
                changes
                    .filter_map(|change| self.event(change))
                    .collect::<Vec<_>>()
            });
            if self.cut == Some(Cut::Gone) {
                Err((self.from, state.revision))
            } else {
                let from = self.from;
                self.from = state.revision;
                events.ok_or((from, state.compacted))
            }
        };
        match events {
            Ok(events) => {
                for (kind, object) in events {
                    send(out, kind, &object).await?;
                }
                Some(())
            }
            Err((from, oldest)) => {
                let gone = Refusal::expired(format!("too old resource version: {from} ({oldest})"));
                send(out, "ERROR", &gone.status()).await?;
                None
            }
        }
    }

    /// As this watch sees a change: an object that leaves the selection is deleted.
    fn event(&self, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        let namespace = super::json::namespace(&change.object);
        let elsewhere = !self.target.namespace.is_empty() && namespace != self.target.namespace;
        if change.kind != self.target.kind || elsewhere {
            return None;
        }
        let was = change
            .before
            .as_ref()
            .is_some_and(|before| self.selector.matches(before));
        let is = !change.deleted && self.selector.matches(&change.object);
        let object = Arc::clone(&change.object);
        match (was, is) {
            (false, true) => Some(("ADDED", object)),
            (true, true) => Some(("MODIFIED", object)),
            (true, false) => Some(("DELETED", object)),
            (false, false) => None,
        }
    }

    fn bookmark(&self, ends_list: bool) -> Value {
        let mut metadata =
            json!({"resourceVersion": self.from.to_string(), "creationTimestamp": null});
        if ends_list {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        json!({"kind": self.target.kind.info().name, "apiVersion": self.target.kind.api_version(), "metadata": metadata})
    }
}

async fn send(out: &mpsc::Sender<Piece>, kind: &str, object: &Value) -> Option<()> {
    let mut line = serde_json::to_vec(&json!({"type": kind, "object": object})).ok()?;
    line.push(b'\n');
    out.send(Ok(line.into())).await.ok()
}
