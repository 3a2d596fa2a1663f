//! The executor's own gRPC listener: what other services and operators may ask of it.

mod auth;
mod convert;
mod health;
mod logs;
mod service;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use axum::{Router, middleware};
use maestro_contracts::{DESCRIPTORS, v1::executor_service_server::ExecutorServiceServer};
use maestro_domain::Digest;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::{backend::Backend, executor::Executor};

/// Largest request in bytes: requests hold ids and references.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Where and to whom the executor answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcConfig {
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// File with the token that callers present; made when missing, for its owner only. Relative to
    /// the data folder.
    #[serde(default = "default_token_file")]
    pub token_file: PathBuf,
    /// Digests of the tokens that are accepted; whoever composes the services reads the file.
    #[serde(skip)]
    pub accepted: Vec<Digest>,
}

fn default_token_file() -> PathBuf {
    PathBuf::from("executor.token")
}

impl GrpcConfig {
    /// With the token in its usual place.
    #[must_use]
    pub fn on(listen: SocketAddr) -> Self {
        Self {
            listen,
            token_file: default_token_file(),
            accepted: Vec::new(),
        }
    }
}

/// Takes the address.
pub(crate) async fn bind(config: &GrpcConfig) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    tracing::info!(listen.address = %listener.local_addr()?, "the executor listens");
    Ok(listener)
}

/// Answers until the executor stops.
pub(crate) async fn serve<B: Backend>(
    executor: Arc<Executor<B>>,
    listener: TcpListener,
    accepted: Vec<Digest>,
) {
    let stop = executor.stop.clone();
    let router = match router(executor, accepted) {
        Ok(router) => router,
        Err(error) => {
            tracing::error!(%error, "the gRPC contract cannot be described");
            return;
        }
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the executor does not listen any more");
    }
}

fn router<B: Backend>(
    executor: Arc<Executor<B>>,
    accepted: Vec<Digest>,
) -> Result<Router, tonic_reflection::server::Error> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let service = ExecutorServiceServer::new(service::Front(Arc::clone(&executor)))
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let guarded = Routes::new(service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .into_axum_router()
        .layer(middleware::from_fn_with_state(
            Arc::<[Digest]>::from(accepted),
            auth::guard,
        ));
    Ok(guarded.merge(health::router(&executor)))
}
