//! Namespaces: one per `full-env` run, with what keeps the run in it, and the shared one.

use k8s_openapi::{
    api::{
        core::v1::{LimitRange, Namespace, ResourceQuota, ServiceAccount},
        networking::v1::NetworkPolicy,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde::Serialize;

use super::{
    calls::{self, CallError},
    creation::{CreateError, Creation},
    manifest::namespace::{self, OURS, SERVICE_ACCOUNT},
    names,
};

impl Creation<'_> {
    /// The run's own namespace, complete before anything is put into it.
    pub(super) async fn own_namespace(&self, name: &str) -> Result<(), CreateError> {
        let run = self.task.start.execution.run;
        let names = &self.cluster.settings.names;
        let mut labels = names.of_run(run);
        labels.insert(names::PROJECT.to_owned(), self.task.start.slug.to_string());
        let wanted = namespace::namespace(name, labels);
        let found = self.namespace(name, wanted).await?;
        if !names.are_on(&found.metadata)
            || names::label(&found.metadata, names::RUN) != Some(run.to_string().as_str())
        {
            return Err(CreateError::Foreign {
                kind: "Namespace",
                name: name.to_owned(),
            });
        }
        let full_env = &self.cluster.settings.config.full_env;
        let meta = |called: &str| ObjectMeta {
            name: Some(called.to_owned()),
            namespace: Some(name.to_owned()),
            labels: Some(names.of_run(run)),
            ..ObjectMeta::default()
        };
        // The fences first: a pod that is created behind them never ran without.
        let policy = namespace::network_policy(meta(OURS), full_env);
        self.apply::<NetworkPolicy>(name, OURS, &policy).await?;
        let quota = namespace::quota(meta(OURS), full_env);
        self.apply::<ResourceQuota>(name, OURS, &quota).await?;
        let limits = namespace::limit_range(meta(OURS), full_env);
        self.apply::<LimitRange>(name, OURS, &limits).await?;
        let account = namespace::service_account(meta(SERVICE_ACCOUNT));
        self.apply::<ServiceAccount>(name, SERVICE_ACCOUNT, &account)
            .await
    }

    /// The shared namespace, when it is missing. One that exists is left as it is.
    pub(super) async fn shared_namespace(&self, name: &str) -> Result<(), CreateError> {
        let labels = self.cluster.settings.names.own();
        let wanted = namespace::namespace(name, labels);
        self.namespace(name, wanted).await.map(drop)
    }

    async fn namespace(&self, name: &str, wanted: Namespace) -> Result<Namespace, CreateError> {
        let api = Api::<Namespace>::all(self.cluster.client.clone());
        let params = PostParams::default();
        let mut pauses = calls::pauses();
        loop {
            let found = calls::repeat(&self.cluster.gate, None, || api.get_opt(name)).await?;
            if let Some(found) = found {
                return match found.metadata.deletion_timestamp {
                    None => Ok(found),
                    Some(_) => {
                        let said = format!("namespace {name} is being removed");
                        Err(CallError::Terminating(said).into())
                    }
                };
            }
            self.may_create().await?;
            match calls::answer(api.create(&params, &wanted)).await {
                Ok(created) => return Ok(created),
                Err(CallError::AlreadyExists(_)) => {}
                Err(CallError::Unavailable(said)) => {
                    tracing::warn!(error = %said, "a namespace cannot be created yet");
                    pauses.wait_jittered().await;
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    async fn apply<K>(&self, namespace: &str, name: &str, object: &K) -> Result<(), CreateError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Serialize
            + serde::de::DeserializeOwned,
    {
        let api = self.cluster.within::<K>(namespace);
        let params = PatchParams::apply(names::MANAGER).force();
        let patch = Patch::Apply(object);
        let mut pauses = calls::pauses();
        loop {
            self.may_create().await?;
            let applied = api.patch(name, &params, &patch);
            match calls::answer(applied).await {
                Ok(_) => return Ok(()),
                Err(CallError::Unavailable(said)) => {
                    tracing::warn!(error = %said, "an object cannot be applied yet");
                    pauses.wait_jittered().await;
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
}
