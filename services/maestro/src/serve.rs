//! `maestro serve`: one service as its own process, for a cluster.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use maestro_eventlog::{EventLog, Vault, VaultKeys};
use maestro_executor::GrpcConfig;
use maestro_gateway::OperatorToken;
use maestro_readmodel::ReadModel;
use maestro_runtime::{health::Health, shutdown};

use crate::{
    cli::endpoints::TOKEN_FILE,
    process::{self, Threads},
    seed::{self, Seed},
    settings::Settings,
};

/// Runs one service until a signal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  maestro init --nats nats://n1:4222 --database postgres://…   once, and after upgrades
  maestro serve conductor --nats nats://n1:4222
  maestro serve executor --nats nats://n1:4222 --listen 0.0.0.0:8090
  maestro serve executor --backend kubernetes --kubeconfig ~/.kube/config
  maestro serve gateway --listen 0.0.0.0:8080 --config maestro.toml")]
pub(crate) struct Options {
    /// Which service
    service: Service,
    /// Address of the gateway, the ingress, or an executor that answers gRPC
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// File with the token that callers of an executor present; made when missing
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What executes runs (executor)
    #[arg(long)]
    backend: Option<Backend>,
    /// Access to the cluster (executor, backend kubernetes); left out: KUBECONFIG, then
    /// ~/.kube/config, then the service account of the pod it runs in
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Prepares a deployment: streams, database, webhook secret, default project. Repeating it changes
/// nothing. The default project needs a running conductor.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  maestro init --nats nats://n1:4222 --database postgres://…   repeating it changes nothing")]
pub(crate) struct InitOptions {
    #[command(flatten)]
    common: Common,
}

/// What every process of a deployment has to know.
#[derive(Debug, clap::Args)]
struct Common {
    /// NATS server
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Postgres database
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// File with the keys of the vault, the same for every process; made when missing
    #[arg(long, value_name = "FILE")]
    vault_keys: Option<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Service {
    /// Receives webhooks
    Ingress,
    /// Decides; one leads, others stand by
    Conductor,
    /// Executes runs
    Executor,
    /// Keeps the read models
    Projector,
    /// gRPC, gRPC-web and the UI
    Gateway,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Backend {
    /// Child processes on this machine
    Process,
    /// Jobs in a Kubernetes cluster
    Kubernetes,
}

impl From<Backend> for maestro_executor::BackendKind {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Process => Self::Process,
            Backend::Kubernetes => Self::Kubernetes,
        }
    }
}

impl Common {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::load(self.config.as_deref())?;
        settings.nats.url = self.nats.clone().or(settings.nats.url);
        settings.database.url = self.database.clone().or(settings.database.url);
        Ok(settings)
    }

    async fn log(&self, settings: &Settings, data: &Path) -> anyhow::Result<(EventLog, Vault)> {
        let url = settings
            .nats
            .url
            .clone()
            .context("name a NATS server with --nats URL")?;
        let file = self
            .vault_keys
            .clone()
            .unwrap_or_else(|| data.join("keys").join("vault.json"));
        let keys = VaultKeys::load_or_create(&file)?;
        let log = EventLog::connect(&settings.event_log(url)).await?;
        log.ensure().await?;
        let vault = log.vault(keys);
        Ok((log, vault))
    }
}

fn read_model(settings: &Settings) -> anyhow::Result<ReadModel> {
    let url = settings
        .database
        .url
        .as_deref()
        .context("name a database with --database URL")?;
    Ok(ReadModel::connect(url)?)
}

/// `maestro serve`.
pub(crate) fn main(data: Option<&Path>, options: Options) -> ExitCode {
    let threads = match options.service {
        Service::Ingress => Threads::One,
        _ => Threads::Cores,
    };
    process::run("serve", threads, data, async move |data| {
        run(options, &data).await
    })
}

/// `maestro init`.
pub(crate) fn init_main(data: Option<&Path>, options: InitOptions) -> ExitCode {
    process::run("init", Threads::Cores, data, async move |data| {
        init(options, &data).await
    })
}

async fn run(args: Options, data: &Path) -> anyhow::Result<()> {
    let mut settings = args.common.settings()?;
    let (log, vault) = args.common.log(&settings, data).await?;
    let stop = shutdown::on_signal()?;
    match args.service {
        Service::Ingress => {
            settings.ingress.listen = args.listen.unwrap_or(settings.ingress.listen);
            maestro_ingress::run(settings.ingress, log, vault, stop).await
        }
        Service::Conductor => maestro_conductor::run(settings.conductor, log, vault, stop).await,
        Service::Executor => {
            let mut executor = settings.executor;
            executor.data = data.join(&executor.data);
            executor.backend = args.backend.map_or(executor.backend, Into::into);
            executor.kubernetes.kubeconfig = args
                .kubeconfig
                .or_else(|| executor.kubernetes.kubeconfig.take());
            executor.grpc = grpc_of(executor.grpc, args.listen, args.token_file, data)?;
            maestro_executor::run(executor, log, vault, stop).await
        }
        Service::Projector => {
            let model = read_model(&settings)?;
            model
                .migrate()
                .await
                .context("cannot migrate the database")?;
            maestro_projector::run(settings.projector, log, vault, model, stop).await
        }
        Service::Gateway => {
            let model = read_model(&settings)?;
            settings.gateway.listen = args.listen.unwrap_or(settings.gateway.listen);
            let gateway = &mut settings.gateway;
            gateway
                .operator_token_file
                .get_or_insert_with(|| data.join(TOKEN_FILE));
            maestro_gateway::run(settings.gateway, log, vault, model, Health::new(), stop).await
        }
    }
}

/// The executor's listener, with the token it accepts.
fn grpc_of(
    configured: Option<GrpcConfig>,
    listen: Option<SocketAddr>,
    token_file: Option<PathBuf>,
    data: &Path,
) -> anyhow::Result<Option<GrpcConfig>> {
    let Some(mut grpc) = configured.or_else(|| listen.map(GrpcConfig::on)) else {
        return Ok(None);
    };
    grpc.listen = listen.unwrap_or(grpc.listen);
    let file = data.join(token_file.as_ref().unwrap_or(&grpc.token_file));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    grpc.accepted = vec![OperatorToken::load_or_create(&file)?.digest()];
    Ok(Some(grpc))
}

async fn init(args: InitOptions, data: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot create {}", data.display()))?;
    let settings = args.common.settings()?;
    let (log, vault) = args.common.log(&settings, data).await?;
    if settings.database.url.is_some() {
        read_model(&settings)?
            .migrate()
            .await
            .context("cannot migrate the database")?;
    }
    let secret = seed::webhook_secret_file(data)?;
    seed::webhook_secrets(&vault, &secret).await?;
    Seed::default_project(&settings.project)?
        .apply(&log, &vault, data)
        .await?;
    println!("ready: the webhook secret is in {}", secret.display());
    Ok(())
}
