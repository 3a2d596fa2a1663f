//! One call to the API server, repeated while that can help.

use std::{io, time::Duration};

use maestro_runtime::clock;
use tokio::time;

use super::gate::Gate;
use crate::backoff::Backoff;

/// A call without an answer after this long is repeated.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Why a call has no result. The text is what the API server said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The object is not there.
    #[error("{0}")]
    NotFound(String),
    /// There is an object of this name already.
    #[error("{0}")]
    AlreadyExists(String),
    /// Somebody changed the object, or a precondition does not hold.
    #[error("{0}")]
    Conflict(String),
    /// The namespace is being removed.
    #[error("{0}")]
    Terminating(String),
    /// Asking again cannot help.
    #[error("{0}")]
    Refused(String),
    /// No answer, or one that says to ask again.
    #[error("the API server cannot be asked now: {0}")]
    Unavailable(String),
}

impl CallError {
    pub(crate) const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

impl From<kube::Error> for CallError {
    fn from(error: kube::Error) -> Self {
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::BuildRequest(_) => return Self::Refused(error.to_string()),
            other => return Self::Unavailable(other.to_string()),
        };
        let said = match status.message.as_str() {
            "" => format!("the API server answered {}", status.code),
            message => message.to_owned(),
        };
        let namespace_terminating = status.details.as_ref().is_some_and(|details| {
            let mut causes = details.causes.iter();
            causes.any(|cause| cause.reason == "NamespaceTerminating")
        });
        if namespace_terminating {
            return Self::Terminating(said);
        }
        if status.is_already_exists() {
            return Self::AlreadyExists(said);
        }
        match status.code {
            404 => Self::NotFound(said),
            409 => Self::Conflict(said),
            // 401: credentials are being renewed.
            401 | 408 | 429 | 500..=599 => Self::Unavailable(said),
            _ => Self::Refused(said),
        }
    }
}

impl From<CallError> for io::Error {
    fn from(error: CallError) -> Self {
        let kind = match &error {
            CallError::NotFound(_) => io::ErrorKind::NotFound,
            CallError::AlreadyExists(_) => io::ErrorKind::AlreadyExists,
            CallError::Unavailable(_) | CallError::Terminating(_) => io::ErrorKind::TimedOut,
            CallError::Conflict(_) | CallError::Refused(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// One try.
///
/// # Errors
/// Whatever comes of it; an answer that takes too long counts as [`CallError::Unavailable`].
pub(crate) async fn once<T>(
    gate: &Gate,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, CallError> {
    gate.pass().await;
    answer(call).await
}

/// As [`once`], without heeding the gate: the caller has.
pub(crate) async fn answer<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match time::timeout(ANSWER_WITHIN, call).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_) => Err(CallError::Unavailable("no answer in time".to_owned())),
    }
}

/// Repeats an idempotent call while the server is away or throttles.
///
/// # Errors
/// As [`once`], but [`CallError::Unavailable`] only after `within`; without it, never.
pub(crate) async fn repeat<T, F>(
    gate: &Gate,
    within: Option<Duration>,
    mut call: impl FnMut() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = kube::Result<T>>,
{
    let began = clock::monotonic();
    let mut pauses = pauses();
    loop {
        match once(gate, call()).await {
            Err(CallError::Unavailable(said)) => {
                if within.is_some_and(|within| began.elapsed() >= within) {
                    return Err(CallError::Unavailable(said));
                }
                tracing::debug!(error = %said, "the API server is asked again");
                pauses.wait_jittered().await;
            }
            other => return other,
        }
    }
}

/// Pauses between tries.
pub(crate) const fn pauses() -> Backoff {
    Backoff::new(FIRST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn error(json: &str) -> CallError {
        let status: Status = serde_json::from_str(json).unwrap();
        CallError::from(kube::Error::Api(status.boxed()))
    }

    #[test]
    fn only_true_refusals_are_refusals() {
        let quota = error(
            r#"{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"jobs.batch \"a\" is forbidden: exceeded quota: q"}"#,
        );
        assert!(matches!(quota, CallError::Refused(said) if said.contains("exceeded quota")));
        let invalid = error(r#"{"code":422,"reason":"Invalid","message":"Job is invalid"}"#);
        assert!(matches!(invalid, CallError::Refused(_)));
        for code in [401, 408, 429, 500, 503, 504] {
            let busy = error(&format!(r#"{{"code":{code},"message":"busy"}}"#));
            assert!(matches!(busy, CallError::Unavailable(_)), "{code}");
        }
    }

    #[test]
    fn conflicts_are_told_apart() {
        let exists = error(r#"{"code":409,"reason":"AlreadyExists","message":"exists"}"#);
        assert!(matches!(exists, CallError::AlreadyExists(_)));
        let changed = error(r#"{"code":409,"reason":"Conflict","message":"changed"}"#);
        assert!(matches!(changed, CallError::Conflict(_)));
        let terminating = error(
            r#"{"code":403,"reason":"Forbidden","message":"because it is being terminated","details":{"causes":[{"reason":"NamespaceTerminating","message":"namespace x is being terminated","field":"metadata.namespace"}]}}"#,
        );
        assert!(matches!(terminating, CallError::Terminating(_)));
    }
}
