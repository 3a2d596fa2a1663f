//! Creating an attempt: namespace, inputs, then the Job.

use std::{io, sync::Arc, time::Duration};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, Secret},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use maestro_domain::run::Mode;
use maestro_runtime::clock;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    calls::{self, CallError},
    cluster::Cluster,
    config::Scope,
    manifest::{self, Wanted, inputs::InputError},
    names,
};
use crate::backend::{MayCreate, Task};

/// Why an attempt was not created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// What the API server said.
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("full-env runs need an executor with the scope `cluster`")]
    NoFullEnv,
    #[error("{kind} {name} exists and is not this Maestro's")]
    Foreign { kind: &'static str, name: String },
    #[error("{kind} {name} exists for another specification or a newer lease")]
    Another { kind: &'static str, name: String },
    /// The lease moved, or the conductor was not heard for too long.
    #[error("the right to create it is in doubt")]
    InDoubt,
}

impl From<CreateError> for io::Error {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Call(call) => call.into(),
            CreateError::InDoubt => Self::new(io::ErrorKind::Interrupted, error),
            other => Self::other(other),
        }
    }
}

/// One creation under way.
pub(crate) struct Creation<'a> {
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) task: &'a Task,
    pub(crate) may_create: MayCreate<'a>,
    pub(crate) forgotten: CancellationToken,
}

impl Creation<'_> {
    /// Makes sure that the Job is there, and returns it. While the API server is away or a
    /// namespace is being removed it goes on trying.
    pub(crate) async fn run(&self) -> Result<Job, CreateError> {
        let began = clock::monotonic();
        let config = &self.cluster.settings.config;
        let patience = Duration::from_secs(config.namespace_within_s);
        let mut pauses = calls::pauses();
        loop {
            match self.attempt().await {
                Err(CreateError::Call(CallError::Terminating(said)))
                    if began.elapsed() < patience =>
                {
                    tracing::info!(%said, "waiting for a namespace that is being removed");
                    pauses.wait_jittered().await;
                }
                other => return other,
            }
        }
    }

    async fn attempt(&self) -> Result<Job, CreateError> {
        let config = &self.cluster.settings.config;
        let own = self.task.spec.mode == Mode::FullEnv;
        if own && config.scope == Scope::Namespace {
            return Err(CreateError::NoFullEnv);
        }
        let namespace = match own {
            true => self
                .cluster
                .settings
                .names
                .namespace(self.task.start.execution.run),
            false => config.namespace.to_string(),
        };
        let wanted = Wanted {
            settings: &self.cluster.settings,
            task: self.task,
            namespace: &namespace,
        };
        manifest::inputs::check(&wanted)?;
        if own {
            self.own_namespace(&namespace).await?;
        } else if config.create_namespace && config.scope == Scope::Cluster {
            self.shared_namespace(&namespace).await?;
        }
        // A pod cannot start without its inputs: whoever removes them keeps a Job that is created
        // late from running.
        self.input(&wanted, manifest::inputs::config_map(&wanted))
            .await?;
        self.input(&wanted, manifest::inputs::secret(&wanted))
            .await?;
        let job = self.job(&wanted).await?;
        self.hand_over(&wanted, &job).await;
        Ok(job)
    }

    async fn job(&self, wanted: &Wanted<'_>) -> Result<Job, CreateError> {
        let jobs = self.cluster.within::<Job>(wanted.namespace);
        match self.create(manifest::job(wanted)).await {
            Err(CreateError::Call(CallError::AlreadyExists(_))) => {}
            other => return other,
        }
        let name = wanted.name();
        let found = calls::repeat(&self.cluster.gate, None, || jobs.get(&name)).await?;
        match self.compare(&found.metadata) {
            Same::Exactly => Ok(found),
            Same::Foreign => Err(CreateError::Foreign { kind: "Job", name }),
            Same::Older | Same::Differs => Err(CreateError::Another { kind: "Job", name }),
        }
    }

    /// Creates a ConfigMap or Secret. One of an earlier lease is replaced: no Job refers to it yet.
    async fn input<K>(&self, wanted: &Wanted<'_>, object: K) -> Result<(), CreateError>
    where
        K: Namespaced,
    {
        let api = self.cluster.within::<K>(wanted.namespace);
        let name = object.meta().name.clone().unwrap_or_default();
        loop {
            match self.create(object.clone()).await {
                Ok(_) => return Ok(()),
                Err(CreateError::Call(CallError::AlreadyExists(_))) => {}
                Err(other) => return Err(other),
            }
            let found = calls::repeat(&self.cluster.gate, None, || api.get_opt(&name)).await?;
            let Some(found) = found else { continue };
            let kind = K::KIND;
            match self.compare(found.meta()) {
                Same::Exactly => return Ok(()),
                Same::Foreign => return Err(CreateError::Foreign { kind, name }),
                Same::Differs => return Err(CreateError::Another { kind, name }),
                Same::Older => {
                    let params = only(found.meta());
                    let delete = || api.delete(&name, &params);
                    match calls::repeat(&self.cluster.gate, None, delete).await {
                        Ok(_) | Err(CallError::NotFound(_) | CallError::Conflict(_)) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    /// Lets the inputs go with the Job. What this misses, the sweeper does.
    async fn hand_over(&self, wanted: &Wanted<'_>, job: &Job) {
        let name = wanted.name();
        let owner = json!({"metadata": {"ownerReferences": [manifest::owned_by(&job.metadata)]}});
        let params = PatchParams::default();
        let maps = self.cluster.within::<ConfigMap>(wanted.namespace);
        let secrets = self.cluster.within::<Secret>(wanted.namespace);
        let (map, secret) = (names::inputs(&name), names::environment(&name));
        let owned = async {
            maps.patch(&map, &params, &Patch::Merge(&owner)).await?;
            secrets
                .patch(&secret, &params, &Patch::Merge(&owner))
                .await?;
            Ok(())
        };
        if let Err(error) = calls::once(&self.cluster.gate, owned).await {
            tracing::debug!(%error, "the inputs are handed over later");
        }
    }

    /// Creates an object as long as that is allowed, again and again while the server is away.
    pub(super) async fn create<K>(&self, object: K) -> Result<K, CreateError>
    where
        K: Namespaced,
    {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let api = self.cluster.within::<K>(&namespace);
        let params = PostParams {
            field_manager: Some(names::MANAGER.to_owned()),
            ..PostParams::default()
        };
        let mut pauses = calls::pauses();
        loop {
            self.may_create().await?;
            match calls::answer(api.create(&params, &object)).await {
                Err(CallError::Unavailable(said)) => {
                    tracing::warn!(error = %said, "an object cannot be created yet");
                    pauses.wait_jittered().await;
                }
                other => return Ok(other?),
            }
        }
    }

    /// Asked right before each creation: what is created by an executor that was cut off would run
    /// beside what its heir tries.
    pub(super) async fn may_create(&self) -> Result<(), CreateError> {
        self.cluster.gate.pass().await;
        match !self.forgotten.is_cancelled() && (self.may_create)() {
            true => Ok(()),
            false => Err(CreateError::InDoubt),
        }
    }

    fn compare(&self, found: &ObjectMeta) -> Same {
        let start = &self.task.start;
        let execution = start.execution;
        let named = Some((execution.run, execution.attempt));
        if !self.cluster.settings.names.are_on(found) || names::attempt_of(found) != named {
            return Same::Foreign;
        }
        let token = names::execution_of(found).map(|found| found.token);
        let digest = start.spec.digest.to_string();
        if names::annotation(found, names::SPEC) != Some(digest.as_str())
            || token.is_none_or(|token| token > execution.token)
        {
            return Same::Differs;
        }
        if token == Some(execution.token) {
            Same::Exactly
        } else {
            Same::Older
        }
    }
}

/// What an object found is to the one wanted.
enum Same {
    Exactly,
    /// Ours, under an older token.
    Older,
    /// Ours, but of another specification or newer.
    Differs,
    Foreign,
}

/// Objects of an attempt.
pub(crate) trait Namespaced:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Serialize
    + DeserializeOwned
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    const KIND: &'static str;
}

impl Namespaced for Job {
    const KIND: &'static str = "Job";
}
impl Namespaced for ConfigMap {
    const KIND: &'static str = "ConfigMap";
}
impl Namespaced for Secret {
    const KIND: &'static str = "Secret";
}

/// Deletes this object and no later one of the same name.
pub(crate) fn only(meta: &ObjectMeta) -> DeleteParams {
    DeleteParams::background().preconditions(Preconditions {
        uid: meta.uid.clone(),
        resource_version: None,
    })
}
