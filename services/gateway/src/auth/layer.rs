//! The one place that decides who may come in.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, Method, header, request::Parts};
use maestro_domain::Digest;

use super::{Identity, SESSION_COOKIE, Secret, Sessions, origin, origin::Hosts, peer, token};
use crate::{
    error::{ApiError, ErrorCode},
    wire::Wire,
};

/// What the layer needs to decide.
pub(crate) struct Gate {
    pub(crate) sessions: Sessions,
    pub(crate) operator_tokens: Vec<Digest>,
    pub(crate) hosts: Hosts,
}

/// What a path demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nothing.
    Open,
    /// Nothing, but whoever is signed in gets another status (pages of the UI).
    Page,
    /// A peer on this machine, or a token.
    Local,
    /// A session or a token.
    SignedIn,
}

/// Lets a request pass with the [`Identity`] in its extensions, or answers it.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match gate.admit(&parts).await {
        Ok(identity) => {
            if let Some(identity) = identity {
                parts.extensions.insert(identity);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => refuse(error, Wire::of(&parts.headers)),
    }
}

impl Gate {
    async fn admit(&self, request: &Parts) -> Result<Option<Identity>, ApiError> {
        let Parts {
            headers,
            method,
            uri,
            ..
        } = request;
        let authority = origin::authority(uri, headers);
        let access = access(method, uri.path(), headers);
        self.hosts.check(authority.as_ref())?;
        if let Some(token) = bearer(headers) {
            let accepted = token::is_accepted(token, &self.operator_tokens);
            return accepted
                .then(|| Some(Identity::operator()))
                .ok_or_else(ApiError::unauthorized);
        }
        origin::check_same_origin(method, headers, authority.as_ref())?;
        match access {
            Access::Open => Ok(None),
            Access::Local if peer::is_local(request) => Ok(None),
            Access::Page => Ok(self.by_cookie(headers).await.ok().flatten()),
            Access::Local | Access::SignedIn => self
                .by_cookie(headers)
                .await?
                .map(Some)
                .ok_or_else(ApiError::unauthorized),
        }
    }

    async fn by_cookie(&self, headers: &HeaderMap) -> Result<Option<Identity>, ApiError> {
        let Some(token) = session_token(headers) else {
            return Ok(None);
        };
        self.sessions
            .resolve(token)
            .await
            .map_err(|error| unreadable(&error))
    }
}

/// The vault could not be asked.
pub(super) fn unreadable(error: &maestro_eventlog::VaultError) -> ApiError {
    if error.is_unavailable() {
        return ApiError::new(
            ErrorCode::Unavailable,
            "sign-in is unavailable: the broker is away",
        );
    }
    ApiError::internal(error)
}

fn access(method: &Method, path: &str, headers: &HeaderMap) -> Access {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path {
        "/healthz" | "/readyz" | "/api/v1/login" => Access::Open,
        "/metrics" => Access::Local,
        _ if path.starts_with("/grpc.health.v1.Health/") => Access::Open,
        _ if path.starts_with("/api/") || Wire::of(headers) != Wire::Http || !reads => {
            Access::SignedIn
        }
        _ if path.starts_with("/maestro.v1.") || path.starts_with("/grpc.") => Access::SignedIn,
        _ => Access::Page,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .unwrap_or_default();
    Some(value.strip_prefix("Bearer ").unwrap_or_default())
}

/// Digest of the session token that the request's cookies carry.
pub(super) fn session_token(headers: &HeaderMap) -> Option<Digest> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == SESSION_COOKIE)
        .find_map(|(_, value)| Secret::parse(value))
        .map(|token| token.digest())
}

fn refuse(error: ApiError, wire: Wire) -> Response {
    match wire {
        Wire::Http => error.into_response(),
        Wire::Grpc(content_type) => {
            let mut response = tonic::Status::from(error).into_http::<Body>();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, content_type);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_must_be_open_is_open() {
        let (plain, mut grpc) = (HeaderMap::new(), HeaderMap::new());
        grpc.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        let get = |path| access(&Method::GET, path, &plain);
        let post = |path| access(&Method::POST, path, &grpc);
        assert_eq!(get("/healthz"), Access::Open);
        assert_eq!(get("/metrics"), Access::Local);
        assert_eq!(get("/runs"), Access::Page);
        assert_eq!(get("/api/v1/session"), Access::SignedIn);
        assert_eq!(get("/maestro.v1.RunService/ListRuns"), Access::SignedIn);
        assert_eq!(post("/grpc.health.v1.Health/Check"), Access::Open);
        assert_eq!(
            post("/grpc.reflection.v1.ServerReflection/X"),
            Access::SignedIn
        );
        assert_eq!(post("/anything"), Access::SignedIn);
        assert_eq!(access(&Method::POST, "/runs", &plain), Access::SignedIn);
    }

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let token = Secret::random();
        let mut headers = HeaderMap::new();
        let cookies = format!("theme=dark; {SESSION_COOKIE}={}; x=y", token.expose());
        headers.insert(header::COOKIE, cookies.parse().unwrap());
        assert_eq!(session_token(&headers), Some(token.digest()));
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("maestro_session=short"),
        );
        assert_eq!(session_token(&headers), None);
    }
}
