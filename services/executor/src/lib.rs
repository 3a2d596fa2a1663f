//! Executes runs: claims them, starts them on a backend, ships logs, reports results.
//!
//! An attempt is claimed before anything is created, runs under a shim that outlives the
//! executor, and is reported until the conductor has recorded its end. What an executor leaves
//! when it stops or dies, the next one on the same data folder, or one of the same site, continues.
//!
//! Heartbeats tell the conductor that the executor lives, and the executor what it has to do.
//! Without an answer for most of a lease term it creates nothing.

mod backend;
mod backoff;
mod config;
mod confirmation;
mod executor;
mod grpc;
mod heartbeats;
mod identity;
mod intake;
mod kubernetes;
mod leaving;
mod logs;
mod orders;
mod process;
mod recovery;
mod registry;
mod reporting;
pub mod shim;
mod starting;
mod submission;
mod supervision;

use std::{env, sync::Arc};

use anyhow::Context as _;
use maestro_domain::ExecutorId;
use maestro_eventlog::{EventLog, Vault};
use tokio_util::sync::CancellationToken;

use crate::{
    backend::Backend,
    executor::{Executor, Parts},
    kubernetes::KubernetesBackend,
    process::{ProcessBackend, Settings},
};
pub use crate::{
    config::{BackendKind, Config, Egress, FullEnv, Kubernetes, OnStop, Scope},
    grpc::GrpcConfig,
};

/// Runs an executor until `stop` is cancelled, then returns within two seconds. Runs in progress
/// go on; the next executor on the same data folder adopts them. With [`OnStop::End`] they are ended
/// first, which takes up to five seconds more.
///
/// # Errors
/// When the data folder or the address cannot be used.
pub async fn run(
    config: Config,
    log: EventLog,
    vault: Vault,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let folder = config.data.display().to_string();
    let taken = identity::take(&config.data, &stop).await;
    let Some(identity) = taken.with_context(|| format!("cannot use the folder {folder}"))? else {
        return Ok(());
    };
    let id = identity.id;
    tracing::info!(executor.id = %id, %folder, backend = ?config.backend, "executor starts");
    match config.backend {
        BackendKind::Process => {
            let backend = process_backend(&config, id)?;
            serve(config, id, log, vault, backend, stop).await
        }
        BackendKind::Kubernetes => {
            let opening = kubernetes_backend(&config, id);
            let Some(backend) = stop.run_until_cancelled(opening).await else {
                return Ok(());
            };
            serve(config, id, log, vault, backend?, stop).await
        }
    }
}

async fn serve<B: Backend>(
    config: Config,
    id: ExecutorId,
    log: EventLog,
    vault: Vault,
    backend: B,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let executor = Executor::new(Parts {
        id,
        pools: config.pools,
        log_cap: config.log_cap,
        max_parallel_starts: config.max_parallel_starts,
        log,
        vault,
        backend,
        on_stop: config.on_stop,
        stop,
    });
    if let Some(config) = config.grpc {
        let listener = grpc::bind(&config).await?;
        executor.spawn(grpc::serve(
            Arc::clone(&executor),
            listener,
            config.accepted,
        ));
    }
    executor.serve().await
}

async fn kubernetes_backend(
    config: &Config,
    executor: ExecutorId,
) -> anyhow::Result<KubernetesBackend> {
    let settings = kubernetes::Settings {
        names: kubernetes::Names {
            prefix: config.kubernetes.prefix.clone(),
            instance: config.kubernetes.instance.clone(),
        },
        config: config.kubernetes.clone(),
        executor,
        pools: config.pools.clone(),
        term_grace_s: config.term_grace_s,
        retention_s: config.retention_s,
    };
    KubernetesBackend::open(settings)
        .await
        .context("cannot use the kubernetes backend")
}

fn process_backend(config: &Config, executor: ExecutorId) -> anyhow::Result<ProcessBackend> {
    let shim = match &config.shim {
        Some(shim) => shim.clone(),
        None => env::current_exe().context("cannot find this program for the process shim")?,
    };
    let data = config
        .data
        .canonicalize()
        .context("cannot use the executor's data folder")?;
    let settings = Settings {
        attempts: data.join("attempts"),
        shim,
        term_grace: config.term_grace(),
        retention: config.retention(),
        fallback_pool: config
            .pools
            .first()
            .context("an executor needs a pool")?
            .clone(),
        executor,
    };
    ProcessBackend::open(settings).context("cannot use the folder of attempts")
}
