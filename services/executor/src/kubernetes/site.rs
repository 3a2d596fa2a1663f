//! Which cluster it is.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use maestro_domain::{Digest, Name};

use super::{
    calls::{self, CallError},
    cluster::Cluster,
};

/// Its uid stands for the cluster: it is never created anew.
const ETERNAL: &str = "kube-system";

impl Cluster {
    /// The same for all executors of one instance in one cluster.
    ///
    /// # Errors
    /// When neither the uid of `kube-system` nor that of the shared namespace may be read.
    pub(crate) async fn site(&self) -> Result<Name, CallError> {
        let uid = match self.namespace_uid(ETERNAL).await {
            Ok(uid) => uid,
            Err(CallError::Refused(_) | CallError::NotFound(_)) => {
                self.namespace_uid(self.settings.config.namespace.as_str())
                    .await?
            }
            Err(error) => return Err(error),
        };
        let instance = self.settings.names.instance.as_str();
        let digest = Digest::of_parts(&[uid.as_bytes(), instance.as_bytes()]).to_string();
        let name = format!("kubernetes-{}", &digest[..16]);
        Ok(name.parse().expect("hex digits fit"))
    }

    async fn namespace_uid(&self, name: &str) -> Result<String, CallError> {
        let api = Api::<Namespace>::all(self.client.clone());
        let found = calls::repeat(&self.gate, None, || api.get(name)).await?;
        Ok(found.metadata.uid.unwrap_or_default())
    }
}
