//! What all queries have in common: freshness and errors.

use std::time::Duration;

use maestro_contracts::v1::ReadOptions;
use maestro_eventlog::ReadError;
use maestro_readmodel::{Error, ReadModel};

use crate::error::{ApiError, ErrorCode, chain};

/// How long a reader waits for the revision it wants to see.
const FRESH_WITHIN: Duration = Duration::from_secs(5);

/// Waits until the projection holds the revision asked for.
pub(super) async fn fresh(
    readmodel: &ReadModel,
    projection: &str,
    read: Option<ReadOptions>,
) -> Result<(), ApiError> {
    let wanted = read.unwrap_or_default().min_revision;
    readmodel
        .wait_for(projection, wanted, FRESH_WITHIN)
        .await
        .map_err(failed)
}

/// What a caller is told when the read models cannot answer.
pub(super) fn failed(error: Error) -> ApiError {
    match error {
        Error::Behind {
            wanted, reached, ..
        } => ApiError::new(
            ErrorCode::DeadlineExceeded,
            format!("the read models are at revision {reached} and did not reach {wanted} in time"),
        ),
        Error::PageToken => ApiError::field(
            "page.page_token",
            "the page token was not handed out for this list and these filters",
        ),
        Error::Invalid { field, problem } => ApiError::field(field, format!("{field} {problem}")),
        error if error.is_unavailable() => {
            tracing::warn!(error = %chain(&error), "the read models cannot be asked");
            ApiError::new(ErrorCode::Unavailable, "the read models are unavailable")
        }
        error => ApiError::internal(&error),
    }
}

/// What a caller is told when the log cannot be read.
pub(super) fn unreadable(error: &ReadError) -> ApiError {
    tracing::warn!(error = %chain(error), "output cannot be read");
    ApiError::new(
        ErrorCode::Unavailable,
        "the output cannot be read at the moment",
    )
}
