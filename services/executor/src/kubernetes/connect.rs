//! From configuration to a client.

use std::time::Duration;

use http::Response;
use kube::{
    Client, Config,
    client::{ClientBuilder, DynBody},
    config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tower::util::MapResponseLayer;

use super::{config::Kubernetes, gate::Gate};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[from] KubeconfigError),
    #[error("there is neither a kubeconfig nor a service account")]
    Nothing(#[from] InferConfigError),
    #[error("cannot make a client of the kubeconfig")]
    Client(#[from] kube::Error),
}

/// A client that heeds what the server says about load.
///
/// # Errors
/// When the configuration cannot be read or used. Nothing is sent yet.
pub(crate) async fn connect(config: &Kubernetes) -> Result<(Client, Gate), ConnectError> {
    let options = KubeConfigOptions {
        context: config.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut access = match &config.kubeconfig {
        Some(file) => {
            let kubeconfig = Kubeconfig::read_from(file)?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
        None if config.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await?,
    };
    // Repetitions are our own: each creation asks first whether it still may.
    access.default_retry = false;
    access.connect_timeout = Some(CONNECT_WITHIN);
    let gate = Gate::default();
    let heeding = gate.clone();
    let heed = move |response: Response<Box<DynBody>>| {
        heeding.heed(&response);
        response
    };
    let client = ClientBuilder::try_from(access)?
        .with_layer(&MapResponseLayer::new(heed))
        .build();
    Ok((client, gate))
}
