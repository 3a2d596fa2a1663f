//! Everything on one port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{Router, handler::Handler as _, middleware, response::Response};
use http::StatusCode;
use maestro_eventlog::{EventLog, Vault};
use maestro_readmodel::ReadModel;
use maestro_runtime::{clock, health::Health};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::{
    Config,
    auth::{self, FailureLimit, Gate, Hosts, OperatorToken, Sessions, SignIn},
    checks, grpc, observe, web,
};

/// How long open requests may take to end after a stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// All of the gateway as one router: gRPC, gRPC-web, sign-in, health, metrics and the UI, which
/// answers every path that nothing else does. Adds its checks to `health`; `stop` ends its streams.
/// Serve it with connect info of [`SocketAddr`], or sign-in failures of all peers are counted
/// together and `/metrics` always needs a token.
///
/// # Errors
/// When the operator's token file cannot be used.
pub async fn router(
    config: Config,
    log: EventLog,
    vault: Vault,
    readmodel: ReadModel,
    health: Health,
    stop: CancellationToken,
) -> anyhow::Result<Router> {
    router_at(
        config,
        log,
        vault,
        readmodel,
        health,
        stop,
        Arc::new(clock::now),
    )
    .await
}

pub(crate) async fn router_at(
    config: Config,
    log: EventLog,
    vault: Vault,
    readmodel: ReadModel,
    health: Health,
    stop: CancellationToken,
    clock: auth::Clock,
) -> anyhow::Result<Router> {
    let gate = gate(&config, &vault, clock).await?;
    checks::add(&health, &log, &readmodel);
    let app = grpc::App {
        feed: grpc::Feed::start(readmodel.clone(), stop.clone()),
        streams: grpc::Streams::new(gate.sessions.clone(), stop.clone()),
        log,
        readmodel,
        health: health.clone(),
        stop,
    };
    let sign_in = SignIn {
        sessions: gate.sessions.clone(),
        failures: FailureLimit::default(),
        secure_cookies: config.secure_cookies,
    };
    let ui = web::serve_ui::<web::Assets>.layer(CompressionLayer::new());
    Ok(Router::new()
        .merge(grpc::router(&app).context("the gRPC contract cannot be described")?)
        .merge(auth::router(sign_in))
        .merge(web::health_router(health))
        .fallback_service(ui.with_state(()))
        .layer(middleware::from_fn_with_state(Arc::new(gate), auth::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(web::secure))
        .layer(middleware::from_fn(observe::observe)))
}

async fn gate(config: &Config, vault: &Vault, clock: auth::Clock) -> anyhow::Result<Gate> {
    let mut operator_tokens = config.operator_tokens.clone();
    if let Some(path) = config.operator_token_file.clone() {
        let load = move || OperatorToken::load_or_create(&path);
        operator_tokens.push(tokio::task::spawn_blocking(load).await??.digest());
    }
    Ok(Gate {
        sessions: Sessions::new(vault.clone(), clock),
        operator_tokens,
        hosts: Hosts::new(config.listen.ip(), &config.allowed_hosts),
    })
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic itself is logged by the process's panic hook.
    let mut response = Response::default();
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Serves on [`Config::listen`] until `stop`.
///
/// # Errors
/// When the address is taken or the operator's token file cannot be used.
pub async fn run(
    config: Config,
    log: EventLog,
    vault: Vault,
    readmodel: ReadModel,
    health: Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listen = config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    run_on(listener, config, log, vault, readmodel, health, stop).await
}

/// Like [`run`] on a listener that is bound already; its address replaces [`Config::listen`].
///
/// # Errors
/// When the operator's token file cannot be used.
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    log: EventLog,
    vault: Vault,
    readmodel: ReadModel,
    health: Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let config = Config {
        listen: listener.local_addr()?,
        ..config
    };
    let router = router(config, log, vault, readmodel, health, stop.clone()).await?;
    serve(listener, router, stop).await
}

/// Serves a router until `stop`, then waits a few seconds for open requests.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    tracing::info!(listen.address = %listener.local_addr()?, "the gateway listens");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_WITHIN).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = overdue => {
            tracing::warn!("some requests did not end in time; they are abandoned");
            Ok(())
        }
    }
}
