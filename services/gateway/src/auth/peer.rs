//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, request::Parts};

/// Address of the peer; `None` when the server does not say (no `ConnectInfo`).
pub(super) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical())
}

/// Whether the request comes from this machine and was not passed on by a proxy.
pub(super) fn is_local(request: &Parts) -> bool {
    let headers = &request.headers;
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    !passed_on && address(&request.extensions).is_some_and(|ip| ip.is_loopback())
}
