//! Why a stored message could not be read.

/// A stored message that is not what its stream holds.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A header is missing or malformed.
    #[error("header {0} is missing or malformed")]
    Header(&'static str),
    /// The subject does not have the parts it should have.
    #[error("the subject is malformed")]
    Subject,
    /// The payload is not JSON of the expected shape.
    #[error("the payload cannot be read")]
    Payload(#[from] serde_json::Error),
    /// The body that the message refers to is gone or damaged. Trying again does not help.
    #[error("the body stored beside the message is missing or damaged")]
    Body,
    /// The broker did not answer; trying again later helps.
    #[error("the broker is not reachable")]
    Unavailable,
}

impl DecodeError {
    /// Whether trying again later can help without anybody doing anything.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable)
    }
}
