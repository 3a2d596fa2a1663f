//! What is known of the instance's attempts, from watches and from direct reads.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use maestro_domain::{RunId, Timestamp};
use tokio::sync::watch;

use super::{
    judgement::{Facts, Obstacle, SeenPod},
    names::attempt_of,
};

/// Run and attempt.
pub(crate) type Key = (RunId, u32);

/// Facts by attempt. Whoever follows an attempt is told of each change.
#[derive(Debug, Default)]
pub(crate) struct Store {
    attempts: Mutex<HashMap<Key, watch::Sender<Facts>>>,
}

impl Store {
    /// Follows one attempt, also one of which nothing is known yet.
    pub(crate) fn follow(&self, key: Key) -> watch::Receiver<Facts> {
        self.lock().entry(key).or_default().subscribe()
    }

    /// The Job as last seen.
    pub(crate) fn job(&self, key: Key) -> Option<Arc<Job>> {
        self.lock().get(&key)?.borrow().job.clone()
    }

    /// A Job was read.
    pub(crate) fn put_job(&self, job: Job) {
        self.change(&job.metadata.clone(), |facts| {
            let known = facts.job.as_ref().map(|known| &known.metadata);
            if known.is_none_or(|known| supersedes(&job.metadata, known)) {
                facts.job = Some(Arc::new(job));
            }
        });
    }

    /// A Job was removed.
    pub(crate) fn remove_job(&self, job: &Job) {
        self.change(&job.metadata, |facts| {
            facts
                .job
                .take_if(|known| known.metadata.uid == job.metadata.uid);
        });
        self.tidy(&job.metadata);
    }

    /// A pod was read.
    pub(crate) fn put_pod(&self, pod: Pod, now: Timestamp) {
        self.change(&pod.metadata.clone(), |facts| {
            put_pod(facts, pod, false, now);
        });
    }

    /// A pod was removed; this is how it was last.
    pub(crate) fn remove_pod(&self, pod: Pod, now: Timestamp) {
        let meta = pod.metadata.clone();
        self.change(&meta, |facts| put_pod(facts, pod, true, now));
        self.tidy(&meta);
    }

    /// The Job controller could not create the pod.
    pub(crate) fn pod_refused(&self, key: Key, said: String) {
        if let Some(attempt) = self.lock().get(&key) {
            attempt.send_modify(|facts| facts.failed_create = Some(said));
        }
    }

    /// This is all there is of an attempt now, read from the server itself.
    pub(crate) fn refreshed(&self, key: Key, job: Option<Job>, pods: Vec<Pod>, now: Timestamp) {
        let attempts = self.lock();
        let Some(attempt) = attempts.get(&key) else {
            return;
        };
        attempt.send_modify(|facts| {
            // A watch was quicker than this answer: what it brought is newer, and the answer old.
            if let (Some(known), Some(read)) = (&facts.job, &job)
                && known.metadata.uid == read.metadata.uid
                && !supersedes(&read.metadata, &known.metadata)
            {
                facts.fresh = false;
                return;
            }
            facts.job = job.map(Arc::new);
            let there: HashSet<_> = pods.iter().map(|pod| uid(&pod.metadata)).collect();
            for (uid, seen) in &mut facts.pods {
                seen.gone |= !there.contains(uid);
            }
            for pod in pods {
                put_pod(facts, pod, false, now);
            }
            facts.fresh = true;
        });
    }

    /// A complete list of the Jobs has these uids: what else is known is gone.
    pub(crate) fn only_jobs(&self, listed: &HashSet<String>) {
        let known: Vec<_> = {
            let attempts = self.lock();
            let jobs = attempts
                .values()
                .filter_map(|facts| facts.borrow().job.clone());
            jobs.collect()
        };
        for job in known {
            if !listed.contains(&uid(&job.metadata)) {
                self.remove_job(&job);
            }
        }
    }

    /// As [`Store::only_jobs`], for pods.
    pub(crate) fn only_pods(&self, listed: &HashSet<String>, now: Timestamp) {
        let known: Vec<_> = {
            let attempts = self.lock();
            let pods = attempts.values().flat_map(|facts| {
                let facts = facts.borrow();
                let live = facts.pods.values().filter(|seen| !seen.gone);
                live.map(|seen| Arc::clone(&seen.pod)).collect::<Vec<_>>()
            });
            pods.collect()
        };
        for pod in known {
            if !listed.contains(&uid(&pod.metadata)) {
                self.remove_pod(Pod::clone(&pod), now);
            }
        }
    }

    fn change(&self, meta: &ObjectMeta, change: impl FnOnce(&mut Facts)) {
        let Some(key) = attempt_of(meta) else {
            return;
        };
        self.lock().entry(key).or_default().send_modify(|facts| {
            facts.fresh = false;
            change(facts);
        });
    }

    /// Forgets an attempt of which nothing is left, unless somebody follows it.
    fn tidy(&self, meta: &ObjectMeta) {
        let Some(key) = attempt_of(meta) else {
            return;
        };
        let mut attempts = self.lock();
        let over = attempts.get(&key).is_some_and(|attempt| {
            let facts = attempt.borrow();
            let left = facts.job.is_some() || facts.pods.values().any(|seen| !seen.gone);
            attempt.receiver_count() == 0 && !left
        });
        if over {
            attempts.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Facts>>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put_pod(facts: &mut Facts, pod: Pod, gone: bool, now: Timestamp) {
    let uid = uid(&pod.metadata);
    if let Some(known) = facts.pods.get_mut(&uid)
        && !supersedes(&pod.metadata, &known.pod.metadata)
    {
        known.gone |= gone;
        return;
    }
    facts.waiting = Obstacle::of(&pod).map(|what| match facts.waiting {
        Some((before, since)) if before == what => (what, since),
        _ => (what, now),
    });
    let gone = gone || facts.pods.get(&uid).is_some_and(|known| known.gone);
    let pod = Arc::new(pod);
    facts.pods.insert(uid, SeenPod { pod, gone });
}

pub(crate) fn uid(meta: &ObjectMeta) -> String {
    meta.uid.clone().unwrap_or_default()
}

/// Whether `new` is at least as recent. Versions that are no numbers cannot be compared.
fn supersedes(new: &ObjectMeta, old: &ObjectMeta) -> bool {
    let version = |meta: &ObjectMeta| meta.resource_version.as_ref()?.parse::<u64>().ok();
    match (version(new), version(old)) {
        (Some(new), Some(old)) => new >= old,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn key() -> Key {
        (RunId::new(uuid::Uuid::from_u128(3)), 1)
    }

    fn object<T: serde::de::DeserializeOwned>(uid: &str, version: &str) -> T {
        let (run, attempt) = key();
        let labels =
            json!({"maestro.dev/run": run.to_string(), "maestro.dev/attempt": attempt.to_string()});
        let meta = json!({"name": uid, "uid": uid, "resourceVersion": version, "labels": labels});
        serde_json::from_value(json!({"metadata": meta})).unwrap()
    }

    #[test]
    fn an_older_version_changes_nothing() {
        let store = Store::default();
        let facts = store.follow(key());
        store.put_job(object("a", "9"));
        store.put_job(object("a", "8"));
        let version = facts.borrow().job.clone().unwrap();
        assert_eq!(version.metadata.resource_version.as_deref(), Some("9"));
    }

    #[test]
    fn an_answer_that_a_watch_overtook_is_not_fresh() {
        let store = Store::default();
        let facts = store.follow(key());
        store.put_job(object("a", "9"));
        store.refreshed(key(), Some(object("a", "8")), Vec::new(), NOW);
        let version = facts.borrow().job.clone().unwrap();
        assert_eq!(version.metadata.resource_version.as_deref(), Some("9"));
        assert!(!facts.borrow().fresh);
        store.refreshed(key(), Some(object("a", "9")), Vec::new(), NOW);
        assert!(facts.borrow().fresh);
    }

    #[test]
    fn what_a_complete_list_lacks_is_gone() {
        let store = Store::default();
        let facts = store.follow(key());
        store.put_job(object("a", "1"));
        store.put_pod(object("p", "2"), NOW);
        store.only_jobs(&HashSet::from(["a".to_owned()]));
        store.only_pods(&HashSet::new(), NOW);
        assert!(facts.borrow().job.is_some());
        assert!(facts.borrow().pods["p"].gone);
    }

    #[test]
    fn only_a_direct_read_is_fresh() {
        let store = Store::default();
        let facts = store.follow(key());
        store.put_job(object("a", "1"));
        store.refreshed(key(), None, vec![object("p", "2")], NOW);
        assert!(facts.borrow().fresh && facts.borrow().job.is_none());
        store.put_pod(object("p", "3"), NOW);
        assert!(!facts.borrow().fresh);
    }

    #[test]
    fn nothing_is_kept_of_what_nobody_follows() {
        let store = Store::default();
        store.put_job(object("a", "1"));
        store.put_pod(object("p", "2"), NOW);
        store.remove_job(&object("a", "3"));
        store.remove_pod(object("p", "4"), NOW);
        assert!(store.lock().is_empty());
    }
}
