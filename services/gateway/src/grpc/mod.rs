//! The gRPC services, also for browsers, with reflection and health.

mod commands;
mod convert;
mod deliveries;
mod feed;
mod input;
mod live;
mod logs;
mod queries;
mod retry;
mod runs;
mod slots;
mod stream;
mod system;

use std::{collections::HashSet, sync::LazyLock};

use axum::Router;
use maestro_contracts::{
    DESCRIPTORS,
    v1::{
        delivery_service_server::DeliveryServiceServer, live_service_server::LiveServiceServer,
        run_service_server::RunServiceServer, slot_service_server::SlotServiceServer,
        system_service_server::SystemServiceServer,
    },
};
use maestro_eventlog::EventLog;
use maestro_readmodel::ReadModel;
use maestro_runtime::health::Health;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, service::Routes};
use tonic_web::GrpcWebLayer;

pub(crate) use feed::Feed;
pub(crate) use stream::Streams;

use crate::{
    auth::Identity,
    error::{ApiError, ErrorCode},
};

/// Largest request in bytes: requests hold ids, filters and a reason.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// What the services work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) log: EventLog,
    pub(crate) readmodel: ReadModel,
    pub(crate) feed: Feed,
    pub(crate) streams: Streams,
    pub(crate) health: Health,
    /// Cancelled when the gateway stops.
    pub(crate) stop: CancellationToken,
}

/// All services behind their paths.
///
/// # Errors
/// When the descriptors of the contract cannot be read: a defect of the build.
pub(crate) fn router(app: &App) -> Result<Router, tonic_reflection::server::Error> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(
        RunServiceServer::new(runs::Runs(app.clone())).max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        DeliveryServiceServer::new(deliveries::Deliveries(app.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        SlotServiceServer::new(slots::Slots(app.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        LiveServiceServer::new(live::Live(app.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        SystemServiceServer::new(system::System(app.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(reflection().build_v1()?)
    .add_service(reflection().build_v1alpha()?)
    .add_service(system::health_server(app));
    Ok(routes
        .into_axum_router()
        .reset_fallback()
        .layer(GrpcWebLayer::new()))
}

/// Whether a path is that of a method in the contract.
pub(crate) fn is_method(path: &str) -> bool {
    static METHODS: LazyLock<HashSet<String>> = LazyLock::new(methods);
    METHODS.contains(path)
}

fn methods() -> HashSet<String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let services = set.file.iter().flat_map(|file| {
        file.service
            .iter()
            .map(move |service| (file.package(), service))
    });
    services
        .flat_map(|(package, service)| {
            let path = move |name: &str| format!("/{package}.{}/{name}", service.name());
            service.method.iter().map(move |method| path(method.name()))
        })
        .collect()
}

/// Who makes the request: put there by the layer in front of everything.
fn identity<T>(request: &Request<T>) -> Result<Identity, Status> {
    request
        .extensions()
        .get::<Identity>()
        .cloned()
        .ok_or_else(|| Status::from(ApiError::unauthorized()))
}

/// A stream ends because the gateway does.
fn stopping() -> ApiError {
    ApiError::new(ErrorCode::Unavailable, "the gateway is stopping")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_methods_are_known() {
        assert!(is_method("/maestro.v1.RunService/ListRuns"));
        assert!(!is_method("/maestro.v1.RunService/Nothing"));
    }
}
