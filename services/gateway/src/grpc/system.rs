//! How the deployment is, for people and for probes.

use std::time::Duration;

use maestro_contracts::v1::{
    ComponentStatus, GetStatusRequest, GetStatusResponse, system_service_server::SystemService,
};
use maestro_eventlog::Stream;
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health as HealthService, HealthServer},
};

use super::{App, convert};
use crate::checks;

/// How often the health service looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(super) struct System(pub(super) App);

#[tonic::async_trait]
impl SystemService for System {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        // Each part that is away shows as a failing component; the answer comes all the same.
        let (mut readiness, log, projections, conductor) = tokio::join!(
            self.0.health.readiness(),
            self.0.log.stream_state(Stream::Events),
            self.0.readmodel.projections(),
            checks::conductor(&self.0.log),
        );
        readiness.ready &= conductor.ok;
        readiness.checks.push(conductor);
        let components = readiness.checks.into_iter();
        let components = components.map(|check| ComponentStatus {
            name: check.name,
            ok: check.ok,
            detail: check.detail,
        });
        Ok(Response::new(GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            log_revision: log.map(|state| state.last_seq).unwrap_or_default(),
            projections: projections
                .map(|all| all.into_iter().map(convert::projection).collect())
                .unwrap_or_default(),
            ready: readiness.ready,
            components: components.collect(),
        }))
    }
}

/// The standard health service; its one entry, the whole server, follows readiness.
pub(super) fn health_server(app: &App) -> HealthServer<impl HealthService> {
    let (reporter, server) = tonic_health::server::health_reporter();
    let (health, stop) = (app.health.clone(), app.stop.clone());
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let status = if health.readiness().await.ready {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            reporter.set_service_status("", status).await;
        }
    }));
    server
}
