//! The addresses webhooks are sent to.

use std::sync::Arc;

use axum::{Router, extract::Request, routing::post};
use maestro_eventlog::{EventLog, Vault};
use maestro_forge::sources;

use crate::{
    config::Config, failures::Failures, memory::Memory, outcome, refusal, secrets::Secrets,
    webhook::Endpoint,
};

/// `POST /api/v1/webhooks/<provider>` for every known source host. Must be called within a Tokio
/// runtime: it follows the vault until the router is dropped. Serve it with connect info of
/// [`std::net::SocketAddr`], or failed verifications of all peers are counted together.
pub fn router(config: Config, log: EventLog, vault: Vault) -> Router {
    let (router, _) = routes(config, &log, &vault);
    router
}

/// The router and its endpoints, whose readiness [`crate::run`] reports.
pub(crate) fn routes(
    config: Config,
    log: &EventLog,
    vault: &Vault,
) -> (Router, Vec<Arc<Endpoint>>) {
    outcome::describe();
    let memory = Memory::new(config.in_flight_bytes, config.body_limit);
    let failures = Arc::new(Failures::new(config.failed_verifications_per_minute));
    let config = Arc::new(config);
    let mut router = Router::new();
    let mut endpoints = Vec::new();
    for &source in sources() {
        let endpoint = Arc::new(Endpoint {
            source,
            secrets: Secrets::watch(vault, source.provider()),
            failures: Arc::clone(&failures),
            memory: memory.clone(),
            log: log.clone(),
            config: Arc::clone(&config),
        });
        endpoints.push(Arc::clone(&endpoint));
        let handler = move |request: Request| {
            let endpoint = Arc::clone(&endpoint);
            async move { endpoint.handle(request).await }
        };
        router = router.route(
            &format!("/api/v1/webhooks/{}", source.provider()),
            post(handler).fallback(refusal::method_not_allowed),
        );
    }
    (router, endpoints)
}
