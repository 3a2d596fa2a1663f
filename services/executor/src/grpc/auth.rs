//! Who may call.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header::AUTHORIZATION};
use maestro_domain::Digest;
use subtle::ConstantTimeEq as _;
use tonic::Status;

/// Lets a call pass that presents an accepted token.
pub(super) async fn guard(
    State(accepted): State<Arc<[Digest]>>,
    request: Request,
    next: Next,
) -> Response {
    if is_accepted(request.headers(), &accepted) {
        return next.run(request).await;
    }
    metrics::counter!("maestro_executor_calls_refused_total").increment(1);
    Status::unauthenticated("a token of this executor is needed").into_http()
}

/// Takes the same time whichever token is presented.
fn is_accepted(headers: &HeaderMap, accepted: &[Digest]) -> bool {
    let presented = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(presented) = presented else {
        return false;
    };
    let digest = Digest::of(presented.as_bytes());
    let mut found = subtle::Choice::from(0);
    for each in accepted {
        found |= each.bytes().ct_eq(digest.bytes());
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accepted_tokens_pass() {
        let accepted = [Digest::of(b"one"), Digest::of(b"other")];
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            headers
        };
        assert!(is_accepted(&of("Bearer one"), &accepted));
        assert!(is_accepted(&of("Bearer other"), &accepted));
        for refused in ["Bearer ", "Bearer on", "bearer one", "one", "Basic one"] {
            assert!(!is_accepted(&of(refused), &accepted), "{refused}");
        }
        assert!(!is_accepted(&HeaderMap::new(), &accepted));
        assert!(!is_accepted(&of("Bearer one"), &[]));
    }
}
