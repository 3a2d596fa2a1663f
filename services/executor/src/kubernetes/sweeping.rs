//! Removing leftovers. What is removed carries this instance's labels, is old enough, and nothing
//! of it runs or is followed; the rules are in `docs/kubernetes.md`.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, Namespace, Pod, Secret},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use maestro_domain::{RunId, Timestamp};
use serde_json::json;

use super::{
    calls::{self, CallError},
    cluster::Cluster,
    collecting::{collected_at, millis},
    config::Scope,
    creation::only,
    judgement::{is_settled, is_terminal, moment},
    manifest, names,
    store::Key,
};

/// Inputs without a Job may be those of one that is being created.
const INPUTS_KEPT: Duration = Duration::from_secs(3600);
/// After it a result that was never collected is of no use: the conductor gave up on it.
const UNCLAIMED_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The Jobs of one sweep.
type Jobs = HashMap<Key, Job>;

impl Cluster {
    /// Removes what is left over; `followed` is never touched. Returns how many objects.
    pub(crate) async fn sweep(
        &self,
        followed: &HashSet<Key>,
        now: Timestamp,
    ) -> Result<usize, CallError> {
        let jobs = self.list(&self.everywhere::<Job>()).await?;
        let jobs: Jobs = jobs
            .into_iter()
            .filter_map(|job| Some((names::attempt_of(&job.metadata)?, job)))
            .collect();
        let mut removed = self.sweep_inputs(&jobs, now).await?;
        for (key, job) in jobs.iter().filter(|(key, _)| !followed.contains(key)) {
            if self.is_over(*key, job, now).await? {
                removed += self.remove_one::<Job>(&job.metadata).await?;
            }
        }
        if self.settings.config.scope == Scope::Cluster {
            removed += self.sweep_namespaces(&jobs, followed, now).await?;
        }
        Ok(removed)
    }

    /// Whether a Job is past its retention, or was created late and can never run.
    async fn is_over(&self, key: Key, job: &Job, now: Timestamp) -> Result<bool, CallError> {
        let age = now.since(created(&job.metadata, now));
        if let Some(at) = collected_at(job) {
            let retention = Duration::from_secs(self.settings.retention_s);
            return Ok(now.since(at) >= retention);
        }
        if is_settled(job) {
            return Ok(age >= UNCLAIMED_KEPT);
        }
        // Somebody fenced it by removing its inputs.
        Ok(age >= INPUTS_KEPT && !self.has_inputs(key, job).await? && !self.has_pods(job).await?)
    }

    async fn has_inputs(&self, (run, attempt): Key, job: &Job) -> Result<bool, CallError> {
        let name = names::inputs(&self.settings.names.job(run, attempt));
        let namespace = job.metadata.namespace.as_deref().unwrap_or_default();
        let maps = self.within::<ConfigMap>(namespace);
        let found = calls::repeat(&self.gate, None, || maps.get_metadata_opt(&name)).await?;
        Ok(found.is_some())
    }

    /// Whether a pod of the Job has started.
    async fn has_pods(&self, job: &Job) -> Result<bool, CallError> {
        let namespace = job.metadata.namespace.as_deref().unwrap_or_default();
        let uid = job.metadata.uid.as_deref().unwrap_or_default();
        let selector = format!("batch.kubernetes.io/controller-uid={uid}");
        let api = self.within::<Pod>(namespace);
        let pods = self.list_by(&api, &selector).await?;
        let runs = |pod: &Pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            phase == Some("Running")
        };
        Ok(pods.iter().any(runs))
    }

    /// Inputs whose Job is gone or never came; those of a Job become its own.
    async fn sweep_inputs(&self, jobs: &Jobs, now: Timestamp) -> Result<usize, CallError> {
        let mut removed = 0;
        for map in self.list(&self.everywhere::<ConfigMap>()).await? {
            let meta = &map.metadata;
            let Some(key) = names::attempt_of(meta) else {
                continue;
            };
            let owned = meta
                .owner_references
                .as_ref()
                .is_some_and(|owners| !owners.is_empty());
            let namespace = meta.namespace.as_deref().unwrap_or_default();
            let secret = names::environment(&self.settings.names.job(key.0, key.1));
            match jobs.get(&key) {
                Some(job) if !owned => {
                    let name = meta.name.as_deref().unwrap_or_default();
                    self.give_owner(namespace, &secret, name, job).await?;
                }
                None if now.since(created(meta, now)) >= INPUTS_KEPT => {
                    self.remove::<Secret>(namespace, &secret).await?;
                    removed += self.remove_one::<ConfigMap>(meta).await?;
                }
                _ => {}
            }
        }
        Ok(removed)
    }

    async fn give_owner(
        &self,
        namespace: &str,
        secret: &str,
        map: &str,
        job: &Job,
    ) -> Result<(), CallError> {
        let owner = json!({"metadata": {"ownerReferences": [manifest::owned_by(&job.metadata)]}});
        let patch = Patch::Merge(&owner);
        let params = PatchParams::default();
        let (secrets, maps) = (
            self.within::<Secret>(namespace),
            self.within::<ConfigMap>(namespace),
        );
        let given = [
            calls::repeat(&self.gate, None, || async {
                secrets.patch(secret, &params, &patch).await.map(drop)
            })
            .await,
            calls::repeat(&self.gate, None, || async {
                maps.patch(map, &params, &patch).await.map(drop)
            })
            .await,
        ];
        for patched in given {
            match patched {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Namespaces of runs whose results are all stored and past the retention, or that were never
    /// used.
    async fn sweep_namespaces(
        &self,
        jobs: &Jobs,
        followed: &HashSet<Key>,
        now: Timestamp,
    ) -> Result<usize, CallError> {
        let busy: HashSet<RunId> = jobs
            .iter()
            .filter(|(_, job)| collected_at(job).is_none())
            .map(|((run, _), _)| *run)
            .chain(followed.iter().map(|(run, _)| *run))
            .collect();
        let api = Api::<Namespace>::all(self.client.clone());
        let mut removed = 0;
        for namespace in self.list(&api).await? {
            let meta = &namespace.metadata;
            let run = names::label(meta, names::RUN).and_then(|run| run.parse().ok());
            let Some(run) = run.filter(|run| !busy.contains(run)) else {
                continue;
            };
            let ours = meta.name.as_deref() == Some(&self.settings.names.namespace(run));
            let collected = names::annotation(meta, names::COLLECTED).and_then(millis);
            let kept = match collected {
                Some(at) => now.since(at) >= Duration::from_secs(self.settings.retention_s),
                None => now.since(created(meta, now)) >= UNCLAIMED_KEPT,
            };
            if !ours || !kept || meta.deletion_timestamp.is_some() {
                continue;
            }
            if !self.is_empty(&self.settings.names.namespace(run)).await? {
                continue;
            }
            let params = only(meta);
            let name = meta.name.as_deref().unwrap_or_default();
            match calls::repeat(&self.gate, None, || api.delete(name, &params)).await {
                Ok(_) => removed += 1,
                Err(CallError::NotFound(_) | CallError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Whether nothing in a namespace lives, whoever made it.
    async fn is_empty(&self, namespace: &str) -> Result<bool, CallError> {
        let pods = self.within::<Pod>(namespace);
        let all = ListParams::default();
        let pods = calls::repeat(&self.gate, None, || pods.list(&all)).await?;
        Ok(pods.items.iter().all(is_terminal))
    }

    async fn remove_one<K: super::creation::Namespaced>(
        &self,
        meta: &ObjectMeta,
    ) -> Result<usize, CallError> {
        let api = self.within::<K>(meta.namespace.as_deref().unwrap_or_default());
        let name = meta.name.as_deref().unwrap_or_default();
        let params = only(meta);
        match calls::repeat(&self.gate, None, || api.delete(name, &params)).await {
            Ok(_) => Ok(1),
            Err(CallError::NotFound(_) | CallError::Conflict(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

fn created(meta: &ObjectMeta, now: Timestamp) -> Timestamp {
    meta.creation_timestamp.as_ref().map_or(now, moment)
}
