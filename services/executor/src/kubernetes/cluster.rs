//! The cluster as the backend uses it.

use std::sync::Arc;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{batch::v1::Job, core::v1::Pod},
};
use kube::{
    Api, Client, Resource,
    api::{ListParams, Patch, PatchParams},
};
use maestro_domain::{RunId, report::Execution};
use maestro_runtime::clock;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    calls::{self, CallError},
    config::Scope,
    ending::Ending,
    gate::Gate,
    names,
    settings::Settings,
    store::{Key, Store},
};

/// Objects per page of a list.
const PAGE: u32 = 500;

/// Client, settings and what is known.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) gate: Gate,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
}

impl Cluster {
    pub(crate) fn new(client: Client, gate: Gate, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            client,
            gate,
            settings,
            store: Store::default(),
        })
    }

    /// Objects of one namespace.
    pub(crate) fn within<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Objects wherever the scope reaches.
    pub(crate) fn everywhere<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match self.settings.config.scope {
            Scope::Cluster => Api::all(self.client.clone()),
            Scope::Namespace => self.within(self.settings.config.namespace.as_str()),
        }
    }

    /// Where an attempt of a run can be.
    pub(crate) fn namespaces(&self, run: RunId) -> Vec<String> {
        let shared = self.settings.config.namespace.to_string();
        match self.settings.config.scope {
            Scope::Cluster => vec![shared, self.settings.names.namespace(run)],
            Scope::Namespace => vec![shared],
        }
    }

    /// Reads an attempt's Job from the server; `None` when there is none of this name. It may be a
    /// foreign one.
    pub(crate) async fn find_job(&self, (run, attempt): Key) -> Result<Option<Job>, CallError> {
        let name = self.settings.names.job(run, attempt);
        for namespace in self.namespaces(run) {
            let jobs = self.within::<Job>(&namespace);
            let found = calls::repeat(&self.gate, None, || jobs.get_opt(&name)).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Lists everything of this instance, page by page.
    pub(crate) async fn list<K>(&self, api: &Api<K>) -> Result<Vec<K>, CallError>
    where
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        self.list_by(api, &self.settings.names.selector()).await
    }

    /// Lists by label selector.
    pub(crate) async fn list_by<K>(&self, api: &Api<K>, labels: &str) -> Result<Vec<K>, CallError>
    where
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let mut params = ListParams::default().labels(labels).limit(PAGE);
        let mut all = Vec::new();
        loop {
            let page = calls::repeat(&self.gate, None, || api.list(&params)).await?;
            all.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    /// Reads Job and pods of an attempt from the server.
    pub(crate) async fn refresh(&self, key: Key) -> Result<(), CallError> {
        let (run, attempt) = key;
        let ours = |job: &Job| self.settings.names.are_on(&job.metadata);
        let job = self.find_job(key).await?.filter(ours);
        let selector = format!(
            "{},{}={run},{}={attempt}",
            self.settings.names.selector(),
            names::RUN,
            names::ATTEMPT
        );
        let mut pods = Vec::new();
        for namespace in self.namespaces(run) {
            let within = self.within::<Pod>(&namespace);
            pods.extend(self.list_by(&within, &selector).await?);
        }
        self.store.refreshed(key, job, pods, clock::now());
        Ok(())
    }

    /// Changes a Job; `None` when it is not there.
    pub(crate) async fn patch_job(
        &self,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Option<Job>, CallError> {
        let jobs = self.within::<Job>(namespace);
        let params = PatchParams::default();
        let patch = Patch::Merge(patch);
        let patched = calls::repeat(&self.gate, None, || jobs.patch(name, &params, &patch));
        match patched.await {
            Ok(job) => {
                self.store.put_job(job.clone());
                Ok(Some(job))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends an attempt for good and remembers why; `false` when there is no Job.
    pub(crate) async fn end(
        &self,
        execution: Execution,
        ending: &Ending,
    ) -> Result<bool, CallError> {
        let Some((namespace, name)) = self.locate(execution).await? else {
            return Ok(false);
        };
        let patched = self.patch_job(&namespace, &name, &ending.patch()).await?;
        Ok(patched.is_some())
    }

    /// Changes annotations of an attempt's Job, trying once.
    pub(crate) async fn annotate(
        &self,
        execution: Execution,
        patch: &Value,
    ) -> Result<(), CallError> {
        let Some((namespace, name)) = self.locate(execution).await? else {
            return Ok(());
        };
        let jobs = self.within::<Job>(&namespace);
        let params = PatchParams::default();
        let patch = Patch::Merge(patch);
        calls::once(&self.gate, jobs.patch(&name, &params, &patch)).await?;
        Ok(())
    }

    /// Namespace and name of an attempt's own Job.
    pub(crate) async fn locate(
        &self,
        execution: Execution,
    ) -> Result<Option<(String, String)>, CallError> {
        let key = (execution.run, execution.attempt);
        let job = match self.store.job(key) {
            Some(job) => Some(Job::clone(&job)),
            None => self.find_job(key).await?,
        };
        Ok(job
            .filter(|job| self.settings.names.are_on(&job.metadata))
            .and_then(|job| Some((job.metadata.namespace?, job.metadata.name?))))
    }
}
