//! Health, readiness and metrics of an executor; open to everybody who reaches the listener.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use maestro_runtime::{
    health::{Health, Readiness},
    telemetry,
};
use tonic::service::Routes;
use tonic_health::ServingStatus;

use crate::{backend::Backend, executor::Executor};

const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) fn router<B: Backend>(executor: &Arc<Executor<B>>) -> Router {
    let health = checks(executor);
    let (reporter, server) = tonic_health::server::health_reporter();
    let (looking, stop) = (health.clone(), executor.stop.clone());
    executor.spawn(async move {
        while !stop.is_cancelled() {
            let status = if looking.readiness().await.ready {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            reporter.set_service_status("", status).await;
            stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
                .await;
        }
    });
    let plain = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async || telemetry::metrics_text()))
        .with_state(health);
    Routes::new(server)
        .into_axum_router()
        .reset_fallback()
        .merge(plain)
}

async fn ready(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

/// An executor is ready when it takes work.
fn checks<B: Backend>(executor: &Arc<Executor<B>>) -> Health {
    let health = Health::new();
    let asked = Arc::clone(executor);
    health.ask("conductor", move || {
        let confirmed = asked.confirmation.may_create();
        async move {
            if confirmed {
                Ok("counts on this executor".to_owned())
            } else {
                Err("has not answered a heartbeat lately".to_owned())
            }
        }
    });
    let asked = Arc::clone(executor);
    health.ask("work", move || {
        let draining = asked.drained.is_cancelled();
        async move {
            if draining {
                Err("draining: nothing new is taken".to_owned())
            } else {
                Ok("taken".to_owned())
            }
        }
    });
    health
}
