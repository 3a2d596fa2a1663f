//! A span and metrics for every request.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use maestro_runtime::{clock, trace};
use metrics::{counter, histogram};
use tracing::Instrument as _;

use crate::grpc;

/// Continues the caller's trace and records how long the answer's beginning took.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let route = route(&request);
    let method = request.method().clone();
    let span = tracing::info_span!("gateway.request", http.method = %method, http.route = route);
    let remote = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    trace::set_parent(&span, remote);
    let start = clock::monotonic();
    let response = next.run(request).instrument(span).await;
    let outcome = outcome(&response);
    counter!("maestro_gateway_requests_total", "route" => route.clone(), "outcome" => outcome)
        .increment(1);
    histogram!("maestro_gateway_request_seconds", "route" => route)
        .record(start.elapsed().as_secs_f64());
    response
}

/// A name out of a bounded set: a method of the contract, a route, or `ui` for all the rest.
fn route(request: &Request) -> String {
    let path = request.uri().path();
    match request.extensions().get::<MatchedPath>() {
        Some(_) if grpc::is_method(path) => path.to_owned(),
        Some(matched) => matched.as_str().to_owned(),
        None => "ui".to_owned(),
    }
}

fn outcome(response: &Response) -> String {
    match response
        .headers()
        .get("grpc-status")
        .and_then(|status| status.to_str().ok())
    {
        Some(status) => format!("grpc_{status}"),
        None => response.status().as_u16().to_string(),
    }
}
