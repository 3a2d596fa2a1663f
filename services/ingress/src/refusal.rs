//! Every way a request is refused, and how the sender is told.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use maestro_forge::{BodyError, HeaderError, SignatureError};
use serde::Serialize;

use crate::outcome::Outcome;

/// How long a sender should wait when the broker or memory is away.
const RETRY: Duration = Duration::from_secs(5);

/// A request that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A header is missing or malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The signature header is missing or malformed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// No active secret gives this signature.
    #[error("the signature does not match")]
    Mismatch,
    /// Too many of the two above from one peer.
    #[error("too many requests with a missing or wrong signature")]
    TooManyFailures {
        /// When its minute is over.
        retry_after: Duration,
    },
    /// The body is longer than accepted.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// Most bytes accepted.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The body ended early.
    #[error("the body ended early")]
    Interrupted,
    /// The body is not one JSON object.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Too many bytes of bodies are in memory.
    #[error("too much is being received at this moment")]
    Busy,
    /// The delivery could not be stored.
    #[error("the delivery could not be stored")]
    Unavailable,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

impl Refusal {
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::Header(_) | Self::Body(_) | Self::Interrupted => Outcome::Invalid,
            Self::Signature(_) | Self::Mismatch => Outcome::Unauthorized,
            Self::TooManyFailures { .. } => Outcome::RateLimited,
            Self::TooLarge { .. } => Outcome::TooLarge,
            Self::Slow => Outcome::Slow,
            Self::Busy => Outcome::Busy,
            Self::Unavailable => Outcome::Unavailable,
        }
    }

    const fn status(&self) -> StatusCode {
        match self.outcome() {
            Outcome::Unauthorized => StatusCode::UNAUTHORIZED,
            Outcome::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Outcome::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Outcome::Slow => StatusCode::REQUEST_TIMEOUT,
            Outcome::Busy | Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    const fn code(&self) -> &'static str {
        match self.outcome() {
            Outcome::Unauthorized => "unauthorized",
            Outcome::RateLimited => "rate_limited",
            Outcome::TooLarge => "too_large",
            Outcome::Slow => "timeout",
            Outcome::Busy | Outcome::Unavailable => "unavailable",
            _ => "invalid_argument",
        }
    }

    const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Header(error) => Some(error.field()),
            Self::Body(_) => Some("body"),
            _ => None,
        }
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyFailures { retry_after } => Some(*retry_after),
            Self::Busy | Self::Unavailable => Some(RETRY),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        error(
            self.status(),
            self.code(),
            &self.to_string(),
            self.field(),
            self.retry_after(),
        )
    }
}

fn error(
    status: StatusCode,
    code: &'static str,
    message: &str,
    field: Option<&'static str>,
    retry_after: Option<Duration>,
) -> Response {
    let body = ErrorBody {
        code,
        message,
        field,
    };
    let mut response = (status, Json(body)).into_response();
    if let Some(wait) = retry_after {
        let seconds = wait.as_secs().max(1);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer to any other method on a webhook address.
pub(crate) async fn method_not_allowed() -> Response {
    let mut response = error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "webhooks are sent with POST",
        None,
        None,
    );
    response
        .headers_mut()
        .insert(http::header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// The answer to an address that does not exist.
pub(crate) async fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this address",
        None,
        None,
    )
}
