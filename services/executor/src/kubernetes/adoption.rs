//! Attempts that another executor, or an earlier life of this one, created.

use std::io;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Secret},
};
use maestro_domain::{Name, report::Execution};
use serde_json::json;

use super::{
    calls::{self, CallError},
    cluster::Cluster,
    creation::{Namespaced, only},
    names,
};
use crate::backend::Attempt;

/// What is known of an attempt from its Job.
pub(crate) fn attempt(job: &Job, pools: &[Name]) -> Option<Attempt> {
    let meta = &job.metadata;
    let pool = names::label(meta, names::POOL).and_then(|pool| pool.parse().ok());
    Some(Attempt {
        execution: names::execution_of(meta)?,
        pool: pool.or_else(|| pools.first().cloned())?,
        traceparent: names::annotation(meta, names::TRACEPARENT).map(str::to_owned),
    })
}

impl Cluster {
    /// Jobs of this executor whose result was not collected.
    pub(crate) async fn own_jobs(&self) -> Result<Vec<Job>, CallError> {
        let executor = self.settings.executor.to_string();
        let own = |job: &Job| {
            let meta = &job.metadata;
            names::annotation(meta, names::EXECUTOR) == Some(executor.as_str())
                && names::annotation(meta, names::COLLECTED).is_none()
        };
        let jobs = self.list(&self.everywhere::<Job>()).await?;
        Ok(jobs.into_iter().filter(own).collect())
    }

    /// Marks the attempt's Job with this lease. `None` when there is none and none can run any more:
    /// its inputs are removed before the second look.
    ///
    /// # Errors
    /// When the Job is foreign or belongs to a newer lease, or the API server refuses.
    pub(crate) async fn take_over(&self, execution: Execution) -> io::Result<Option<Job>> {
        let key = (execution.run, execution.attempt);
        loop {
            let found = match self.find_job(key).await? {
                Some(job) => Some(job),
                None => {
                    self.remove_inputs(execution, &self.namespaces(execution.run))
                        .await?;
                    self.find_job(key).await?
                }
            };
            let Some(job) = found else { return Ok(None) };
            let meta = &job.metadata;
            let known = names::execution_of(meta).filter(|_| self.settings.names.are_on(meta));
            let Some(known) = known else {
                // It is not the attempt, and it keeps the attempt from ever being created.
                return Ok(None);
            };
            if known.token > execution.token {
                return Err(io::Error::other("it belongs to a newer lease"));
            }
            let patch = json!({"metadata": {
                "resourceVersion": meta.resource_version,
                "annotations": {
                    names::TOKEN: execution.token.to_string(),
                    names::EXECUTOR: self.settings.executor.to_string(),
                },
            }});
            let namespace = meta.namespace.as_deref().unwrap_or_default();
            let name = meta.name.as_deref().unwrap_or_default();
            match self.patch_job(namespace, name, &patch).await {
                Ok(Some(job)) => return Ok(Some(job)),
                // Changed or removed meanwhile: look again.
                Ok(None) | Err(CallError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Removes prompt and variables of an attempt; the ConfigMap last, as the sweeper looks for
    /// leftovers by ConfigMaps.
    pub(crate) async fn remove_inputs(
        &self,
        execution: Execution,
        namespaces: &[String],
    ) -> Result<(), CallError> {
        let job = self.settings.names.job(execution.run, execution.attempt);
        for namespace in namespaces {
            self.remove::<Secret>(namespace, &names::environment(&job))
                .await?;
            self.remove::<ConfigMap>(namespace, &names::inputs(&job))
                .await?;
        }
        Ok(())
    }

    /// Removes an object if it is ours.
    pub(super) async fn remove<K: Namespaced>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(), CallError> {
        let api = self.within::<K>(namespace);
        let Some(found) = calls::repeat(&self.gate, None, || api.get_opt(name)).await? else {
            return Ok(());
        };
        if !self.settings.names.are_on(found.meta()) {
            return Ok(());
        }
        let params = only(found.meta());
        match calls::repeat(&self.gate, None, || api.delete(name, &params)).await {
            Ok(_) | Err(CallError::NotFound(_) | CallError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
