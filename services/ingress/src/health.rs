//! `/healthz` and `/readyz` of a process of its own.

use std::sync::Arc;

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use maestro_eventlog::EventLog;
use maestro_runtime::health::Health;

use crate::webhook::Endpoint;

/// Ready while the broker answers and the secrets of every source host can be read.
pub(crate) fn routes(log: &EventLog, endpoints: Vec<Arc<Endpoint>>) -> Router {
    let health = Health::new();
    let log = log.clone();
    health.ask("broker", move || {
        let log = log.clone();
        async move {
            let took = log.ping().await.map_err(|error| error.to_string())?;
            Ok(format!("answered in {took:?}"))
        }
    });
    for endpoint in endpoints {
        let name = format!("secrets.{}", endpoint.source.provider());
        health.ask(&name, move || {
            let active = endpoint.secrets.active();
            async move {
                active
                    .map(|active| format!("{active} active"))
                    .ok_or_else(|| "cannot be read".to_owned())
            }
        });
    }
    Router::new()
        .route("/healthz", get("ok"))
        .route("/readyz", get(move || readyz(health.clone())))
}

async fn readyz(health: Health) -> impl IntoResponse {
    let readiness = health.readiness().await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}
