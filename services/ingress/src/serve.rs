//! The endpoint as a process of its own, open to the internet: connections that send no headers
//! are closed.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use maestro_eventlog::{EventLog, Vault};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{config::Config, health, refusal, router};

/// How long a client may take to send its next request's headers, idle time included.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How often an idle HTTP/2 connection is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long requests may go on once the process is to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(8);

/// How long to wait when the process is out of file descriptors.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(200);

/// Serves webhooks, `/healthz` and `/readyz` on [`Config::listen`] until `stop` is cancelled.
///
/// # Errors
/// When the configuration contradicts itself or the address cannot be listened on.
pub async fn run(
    config: Config,
    log: EventLog,
    vault: Vault,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    run_on(listener, config, log, vault, stop).await
}

/// As [`run`], on a listener that is bound already.
///
/// # Errors
/// When the configuration contradicts itself.
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    log: EventLog,
    vault: Vault,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    config.validate()?;
    let (router, endpoints) = router::routes(config, &log, &vault);
    let router = router
        .merge(health::routes(&log, endpoints))
        .fallback(refusal::not_found);
    tracing::info!(address = %listener.local_addr()?, "ingress listens");

    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, peer, router.clone(), &connections),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    drop(listener);
    if timeout(FINISH_WITHIN, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("stopped with requests under way");
    }
    Ok(())
}

fn connect(stream: TcpStream, peer: SocketAddr, router: Router, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may be delayed");
    }
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY);
    let service = service_fn(move |request| answer(router.clone(), peer, request));
    let connection = server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: http::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
