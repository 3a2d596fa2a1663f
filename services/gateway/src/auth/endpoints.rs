//! `/api/v1/login`, `/api/v1/logout`, `/api/v1/session`, `/api/v1/login-codes`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use maestro_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    FailureLimit, Identity, SESSION_COOKIE, SESSION_LIFETIME, Secret, Sessions,
    layer::{session_token, unreadable},
    peer,
};
use crate::error::{ApiError, ErrorCode};

/// Largest accepted body of a login.
const MAX_LOGIN_BYTES: usize = 1024;

pub(crate) struct SignIn {
    pub(crate) sessions: Sessions,
    pub(crate) failures: FailureLimit,
    pub(crate) secure_cookies: bool,
}

pub(crate) fn router(state: SignIn) -> Router {
    Router::new()
        .route("/api/v1/login", post(login))
        .route("/api/v1/logout", post(logout))
        .route("/api/v1/session", get(session))
        .route("/api/v1/login-codes", post(login_code))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_LOGIN_BYTES))
        .with_state(Arc::new(state))
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "this path does not take this method",
    )
}

#[derive(Deserialize)]
struct Login {
    code: String,
}

async fn login(
    State(state): State<Arc<SignIn>>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    if let Some(wait) = state.failures.wait(peer) {
        let error = ApiError::new(
            ErrorCode::RateLimited,
            "too many failed sign-ins; wait a while",
        );
        return Err(error.with_retry_after(wait));
    }
    let Login { code } = serde_json::from_slice(&body)
        .map_err(|_| ApiError::field("code", "send {\"code\": \"<one-time code>\"}"))?;
    let token = match Secret::parse(code.trim()) {
        Some(code) => state
            .sessions
            .redeem(&code)
            .await
            .map_err(|error| unreadable(&error))?,
        None => None,
    };
    let Some(token) = token else {
        state.failures.failed(peer);
        tracing::warn!(peer.address = %peer, "a sign-in was refused");
        let message = "the code is unknown, used or expired; ask for a fresh one with \
                       `maestro login-link`";
        return Err(ApiError::new(ErrorCode::Unauthorized, message));
    };
    if let Some(old) = session_token(&headers) {
        state
            .sessions
            .end(old)
            .await
            .map_err(|error| unreadable(&error))?;
    }
    tracing::info!(peer.address = %peer, "signed in");
    let lifetime = SESSION_LIFETIME.as_secs();
    with_cookie(&state, token.expose(), lifetime)
}

async fn logout(
    State(state): State<Arc<SignIn>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, ApiError> {
    if let Some(session) = &identity.session {
        state
            .sessions
            .end(session.token)
            .await
            .map_err(|error| unreadable(&error))?;
    }
    with_cookie(&state, "", 0)
}

fn with_cookie(state: &SignIn, value: &str, max_age_s: u64) -> Result<Response, ApiError> {
    let secure = if state.secure_cookies { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
    );
    let mut cookie = HeaderValue::try_from(cookie).map_err(|error| ApiError::internal(&error))?;
    cookie.set_sensitive(true);
    let no_store = HeaderValue::from_static("no-store");
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, no_store),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

#[derive(Serialize)]
struct SessionBody {
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct User {
    id: maestro_domain::UserId,
    name: &'static str,
}

async fn session(Extension(identity): Extension<Identity>) -> Response {
    let body = SessionBody {
        user: User {
            id: identity.user,
            name: identity.name(),
        },
        expires_at: identity.session.as_ref().map(|session| session.expires_at),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[derive(Serialize)]
struct LoginCode {
    code: String,
    expires_at: Timestamp,
}

/// A fresh one-time code for another browser. Only for a bearer token: a session cannot extend
/// itself.
async fn login_code(
    State(state): State<Arc<SignIn>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, ApiError> {
    if identity.session.is_some() {
        return Err(ApiError::new(
            ErrorCode::Forbidden,
            "login codes are for the operator's token",
        ));
    }
    let issued = state
        .sessions
        .issue()
        .await
        .map_err(|error| unreadable(&error))?;
    let body = LoginCode {
        code: issued.code.expose().to_owned(),
        expires_at: issued.expires_at,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// Address a request came from; the unspecified one when the server does not say.
struct Peer(IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let unknown = IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED);
        Ok(Self(peer::address(&parts.extensions).unwrap_or(unknown)))
    }
}
