//! `maestro up`: everything in one process on one machine.

pub(crate) mod demo;
pub(crate) mod servers;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use maestro_eventlog::{EventLog, Vault, VaultKeys};
use maestro_executor::OnStop;
use maestro_gateway::issue_login_code;
use maestro_readmodel::ReadModel;
use maestro_runtime::{data_dir, health::Health, shutdown};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{demo::Demo, servers::Servers};
use crate::{
    cli::endpoints::{Endpoints, TOKEN_FILE},
    process::{self, Threads},
    seed::{self, Seed},
    settings::Settings,
};

/// How long services get to stop before the broker and Postgres are taken from them.
const STOP_WITHIN: Duration = Duration::from_secs(7);

/// Runs everything on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  maestro up                       everything, data in the per-user folder
  maestro up --demo                with sample repositories and example webhooks
  maestro up --listen 127.0.0.1:0  on any free port (see endpoints.json)
  maestro up --nats nats://n1:4222 --database postgres://…   with servers of your own")]
pub(crate) struct Options {
    /// Address of the UI, gRPC and webhooks; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Attach sample repositories and post example webhooks
    #[arg(long)]
    demo: bool,
    /// Use this NATS server instead of a private one
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Use this Postgres database instead of a private one
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `maestro up`.
pub(crate) fn main(data: Option<&Path>, options: Options) -> ExitCode {
    process::run("up", Threads::Cores, data, async move |data| {
        run(options, &data).await
    })
}

async fn run(args: Options, data: &Path) -> anyhow::Result<()> {
    let mut settings = Settings::load(args.config.as_deref())?;
    settings.nats.url = args.nats.or(settings.nats.url);
    settings.database.url = args.database.or(settings.database.url);
    let demo = args.demo.then(Demo::load).transpose()?;
    let _lock = data_dir::lock(data)?;
    let data = &std::fs::canonicalize(data).context("the data folder is gone")?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another address with --listen",
            args.listen
        )
    })?;
    let stop = shutdown::on_signal()?;
    let mut servers = Servers::start(&settings, data).await?;
    let served = match stop
        .run_until_cancelled(start(
            &settings,
            data,
            listener,
            &servers,
            demo.as_ref(),
            &stop,
        ))
        .await
    {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(services)) => supervise(services, &stop).await,
    };
    Endpoints::remove(data);
    servers.stop().await;
    served
}

/// Starts the services and returns when the deployment is ready.
async fn start(
    settings: &Settings,
    data: &Path,
    listener: TcpListener,
    servers: &Servers,
    demo: Option<&Demo>,
    stop: &CancellationToken,
) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let keys = VaultKeys::load_or_create(&data.join("keys").join("vault.json"))?;
    let log = EventLog::connect(&settings.event_log(servers.nats.clone())).await?;
    log.ensure().await?;
    let vault = log.vault(keys);
    let model = ReadModel::connect(&servers.postgres)?;
    model
        .migrate()
        .await
        .context("cannot migrate the database")?;
    let secret_file = seed::webhook_secret_file(data)?;
    seed::webhook_secrets(&vault, &secret_file).await?;

    let at = listener.local_addr()?;
    let mut settings = settings.clone();
    settings.gateway.listen = at;
    settings.gateway.operator_token_file = Some(data.join(TOKEN_FILE));
    settings.executor.data = data.join(&settings.executor.data);
    // Whoever stops everything on a machine wants nothing left running there.
    settings.executor.on_stop = OnStop::End;
    let health = Health::new();
    let mut services = JoinSet::new();
    serve(
        &settings,
        &log,
        &vault,
        &model,
        &health,
        listener,
        stop,
        &mut services,
    )
    .await?;

    Seed::default_project(&settings.project)?
        .apply(&log, &vault, data)
        .await?;
    if let Some(demo) = demo {
        Seed::demo(demo.repositories())?
            .apply(&log, &vault, data)
            .await?;
    }
    let endpoints = endpoints(at, servers, secret_file);
    endpoints
        .write(data)
        .context("cannot write endpoints.json")?;
    announce(&endpoints, &vault, data).await?;
    if let Some(demo) = demo {
        let secret = std::fs::read_to_string(&endpoints.webhook_secret_file)?;
        let secret = secret.lines().next().unwrap_or_default().trim();
        let posted = demo.post(&endpoints.webhook, secret).await?;
        println!(
            "demo: posted {posted} example webhooks; watch them at {}/runs",
            endpoints.ui
        );
    }
    Ok(services)
}

#[allow(
    clippy::too_many_arguments,
    reason = "one call that composes the house"
)]
async fn serve(
    settings: &Settings,
    log: &EventLog,
    vault: &Vault,
    model: &ReadModel,
    health: &Health,
    listener: TcpListener,
    stop: &CancellationToken,
    services: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let Settings {
        ingress,
        conductor,
        executor,
        projector,
        gateway,
        ..
    } = settings.clone();
    let (log, vault) = (log.clone(), vault.clone());
    services.spawn(maestro_conductor::run(
        conductor,
        log.clone(),
        vault.clone(),
        stop.clone(),
    ));
    services.spawn(maestro_executor::run(
        executor,
        log.clone(),
        vault.clone(),
        stop.clone(),
    ));
    let projecting = maestro_projector::run(
        projector,
        log.clone(),
        vault.clone(),
        model.clone(),
        stop.clone(),
    );
    services.spawn(projecting);
    let (model, health) = (model.clone(), health.clone());
    let webhooks = maestro_ingress::router(ingress, log.clone(), vault.clone());
    let app = maestro_gateway::router(gateway, log, vault, model, health, stop.clone())
        .await?
        .merge(webhooks);
    let stopped = stop.clone().cancelled_owned();
    services.spawn(async move {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app)
            .with_graceful_shutdown(stopped)
            .await?;
        Ok(())
    });
    Ok(())
}

fn endpoints(at: SocketAddr, servers: &Servers, secret: PathBuf) -> Endpoints {
    let base = format!("http://{at}");
    Endpoints {
        ui: base.clone(),
        webhook: format!("{base}/api/v1/webhooks/github"),
        grpc: base,
        nats: servers.nats.clone(),
        postgres: servers.postgres.clone(),
        webhook_secret_file: secret,
    }
}

async fn announce(endpoints: &Endpoints, vault: &Vault, data: &Path) -> anyhow::Result<()> {
    let code = issue_login_code(vault).await?;
    println!("ui        {}", endpoints.ui);
    println!("webhook   {}", endpoints.webhook);
    println!("grpc      {}", endpoints.grpc);
    println!("data      {}", data.display());
    println!(
        "secret    {} (the webhook secret)",
        endpoints.webhook_secret_file.display()
    );
    println!(
        "sign in   {}/login#{code}  (once, within 10 minutes)",
        endpoints.ui
    );
    println!("ready: Ctrl-C stops everything");
    Ok(())
}

/// Waits for the stop signal or the first service that ends, then for all of them.
async fn supervise(
    mut services: JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = services.join_next() => ended.context("a service panicked").flatten(),
    };
    stop.cancel();
    let all = async { while services.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
        tracing::warn!("some services did not stop in time; they are abandoned");
    }
    ended
}
