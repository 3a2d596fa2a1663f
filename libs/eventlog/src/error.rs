//! Why an operation on the broker did not succeed.

/// An operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker did not answer in time. A write may or may not have happened.
    #[error("the broker is not reachable")]
    Unavailable,
    /// The broker refused the user or password of the URL.
    #[error("the broker refused the credentials")]
    Unauthorized,
    /// The broker refused the request.
    #[error("the broker refused with code {code}: {description}")]
    Refused {
        /// JetStream error code.
        code: u64,
        /// The broker's words.
        description: String,
    },
    /// A stream is missing; [`crate::EventLog::ensure`] creates it.
    #[error("stream {stream} does not exist")]
    NoStream {
        /// Its name on the broker.
        stream: String,
    },
    /// A stream exists with a definition that cannot become the wanted one.
    #[error("stream {stream} exists with another definition")]
    Incompatible {
        /// Its name on the broker.
        stream: String,
        /// What the broker said to the update.
        #[source]
        source: Box<Error>,
    },
    /// A setting cannot be used.
    #[error("{0}")]
    Settings(&'static str),
    /// The message is longer than the broker accepts.
    #[error("a message of {bytes} bytes is longer than the broker accepts")]
    TooLarge {
        /// Length of the payload in bytes.
        bytes: usize,
    },
    /// The broker's answer cannot be read.
    #[error("the broker's answer cannot be read")]
    Answer(#[source] serde_json::Error),
    /// A stored object is missing or does not have its digest.
    #[error("the object {name} is missing or damaged")]
    Object {
        /// Name in its bucket.
        name: String,
    },
    /// A stored message cannot be read.
    #[error("a stored message cannot be read")]
    Decode(#[from] crate::DecodeError),
}

impl Error {
    /// Whether trying again later can help without anybody doing anything.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable)
    }
}
