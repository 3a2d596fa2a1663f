//! After the result is stored: what of an attempt may go, and when.

use k8s_openapi::api::{batch::v1::Job, core::v1::Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use maestro_domain::{Timestamp, report::Execution};
use serde_json::json;

use super::{
    calls::{self, CallError},
    cluster::Cluster,
    names,
};

impl Cluster {
    /// Starts the retention of a Job and removes its inputs: the secrets are not needed any more.
    /// Repeating it changes nothing; a Job that is gone needs nothing.
    pub(crate) async fn collect(
        &self,
        execution: Execution,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let Some((namespace, name)) = self.locate(execution).await? else {
            let everywhere = self.namespaces(execution.run);
            return self.remove_inputs(execution, &everywhere).await;
        };
        self.remove_inputs(execution, std::slice::from_ref(&namespace))
            .await?;
        let retention = i32::try_from(self.settings.retention_s).unwrap_or(i32::MAX);
        // The TTL controller does not count for a suspended Job: the sweeper removes those.
        let patch = json!({
            "metadata": {"annotations": {names::COLLECTED: now.millis().to_string()}},
            "spec": {"ttlSecondsAfterFinished": retention},
        });
        self.patch_job(&namespace, &name, &patch).await?;
        if namespace == self.settings.names.namespace(execution.run) {
            self.mark_namespace(&namespace, now).await?;
        }
        Ok(())
    }

    /// The Job may be gone before its namespace, so the namespace keeps the time, too.
    async fn mark_namespace(&self, name: &str, now: Timestamp) -> Result<(), CallError> {
        let api = Api::<Namespace>::all(self.client.clone());
        let at = now.millis().to_string();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {names::COLLECTED: at}}}));
        let params = PatchParams::default();
        let marked = calls::repeat(&self.gate, None, || api.patch(name, &params, &patch));
        match marked.await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

/// When the result of an attempt was stored.
pub(super) fn collected_at(job: &Job) -> Option<Timestamp> {
    names::annotation(&job.metadata, names::COLLECTED).and_then(millis)
}

pub(super) fn millis(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_millis)
}
