//! One set of error codes for gRPC and HTTP.

use std::{borrow::Cow, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use maestro_domain::ids::CommandKey;
use serde::Serialize;
use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What kind of failure a caller is told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorCode {
    /// A field of the request is wrong.
    InvalidArgument,
    /// Nobody is signed in, or the credentials are wrong.
    Unauthorized,
    /// Signed in or not, this is refused.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The thing is in a state that does not allow this.
    FailedPrecondition,
    /// The method does not exist for this path.
    MethodNotAllowed,
    /// Too many attempts.
    RateLimited,
    /// The reader was too slow and missed something.
    Aborted,
    /// Something Maestro needs is away; the same call may succeed later.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
    /// A defect of Maestro's own.
    Internal,
}

impl ErrorCode {
    /// The HTTP status.
    pub(crate) const fn http(self) -> StatusCode {
        match self {
            Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::FailedPrecondition | Self::Aborted => StatusCode::CONFLICT,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The gRPC status.
    pub(crate) const fn grpc(self) -> Code {
        match self {
            Self::InvalidArgument => Code::InvalidArgument,
            Self::Unauthorized => Code::Unauthenticated,
            Self::Forbidden => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::MethodNotAllowed => Code::Unimplemented,
            Self::RateLimited => Code::ResourceExhausted,
            Self::Aborted => Code::Aborted,
            Self::Unavailable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }
}

/// An answer that is not what was asked for. Its message is shown to the caller, so it names no
/// secret and no inner workings.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    field: Option<&'static str>,
    command: Option<CommandKey>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// An error with a message for the caller.
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            command: None,
            retry_after: None,
        }
    }

    /// A wrong field, by its name in the contract (`page.page_token`).
    pub(crate) fn field(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: Some(field),
            ..Self::new(ErrorCode::InvalidArgument, message)
        }
    }

    /// No such thing.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// No valid session or token came with the request.
    pub(crate) fn unauthorized() -> Self {
        Self::new(ErrorCode::Unauthorized, "sign in or send an operator token")
    }

    /// A defect: logged with its cause, told without it.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(cause), "a request failed because of a defect");
        Self::new(
            ErrorCode::Internal,
            "internal error; the server's log has the details",
        )
    }

    /// Names the command that the error is about.
    pub(crate) fn with_command(self, command: CommandKey) -> Self {
        Self {
            command: Some(command),
            ..self
        }
    }

    /// Says when to try again.
    pub(crate) fn with_retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let detailed = error.field.is_some() || error.retry_after.is_some();
        let mut status = if detailed {
            let mut details = ErrorDetails::new();
            if let Some(field) = error.field {
                details.add_bad_request_violation(field, error.message.as_ref());
            }
            details.set_retry_info(error.retry_after);
            Self::with_error_details(error.code.grpc(), error.message, details)
        } else {
            Self::new(error.code.grpc(), error.message)
        };
        if let Some(field) = error.field {
            status
                .metadata_mut()
                .insert("field", MetadataValue::from_static(field));
        }
        let command = error
            .command
            .and_then(|key| MetadataValue::try_from(key.as_str()).ok());
        if let Some(command) = command {
            status.metadata_mut().insert("maestro-command-id", command);
        }
        status
    }
}

#[derive(Serialize)]
struct Body<'a> {
    code: ErrorCode,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body {
            code: self.code,
            message: &self.message,
            field: self.field,
        };
        let mut response = (self.code.http(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == ErrorCode::Unauthorized {
            let challenge = HeaderValue::from_static("Bearer realm=\"maestro\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs().max(1)),
            );
        }
        response
    }
}
