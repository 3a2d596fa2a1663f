//! Why a webhook request or a stored delivery is refused. No variant carries text of the request:
//! these errors reach answers, logs and the event log.

/// A header that is missing or not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is not there.
    #[error("the header {field} is missing")]
    Missing {
        /// Name of the header.
        field: &'static str,
    },
    /// It is there, with a value that is not accepted.
    #[error("the header {field} must be {expected}")]
    Invalid {
        /// Name of the header.
        field: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
}

impl HeaderError {
    /// Name of the header.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Missing { field } | Self::Invalid { field, .. } => field,
        }
    }
}

/// A request that does not say who signed it in a form that can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature.
    #[error("the signature header is missing")]
    Missing,
    /// Not one `sha256=` and 64 hex digits.
    #[error("the signature header must be `sha256=` and 64 hex digits")]
    Malformed,
}

/// A body that is not one JSON object within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The form has no `payload` field, or several.
    #[error("the form must have exactly one `payload` field")]
    Form,
    /// Bytes that are not UTF-8.
    #[error("the payload is not UTF-8")]
    Encoding,
    /// Not JSON, or a number out of range.
    #[error("the payload is not JSON: line {line}, column {column}")]
    Syntax {
        /// Line from 1.
        line: usize,
        /// Column from 0, in bytes.
        column: usize,
    },
    /// JSON of another kind.
    #[error("the payload is not a JSON object")]
    NotAnObject,
    /// Nested too deeply.
    #[error("the payload is nested more than {max} levels deep")]
    TooDeep {
        /// Deepest accepted level.
        max: usize,
    },
    /// More values than any real payload has.
    #[error("the payload has more than {max} values")]
    TooManyValues {
        /// Most accepted.
        max: usize,
    },
    /// An object names a key twice, so that readers could disagree about it.
    #[error("the payload names a key twice in one object")]
    DuplicateKey,
    /// A string with U+0000, which databases and process arguments cannot carry.
    #[error("the payload has a string with a NUL character")]
    Nul,
}

/// A stored delivery that cannot be reduced to facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReduceError {
    /// The body as such.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A field of another type or length than its host documents.
    #[error("the payload's {field} must be {expected}")]
    Field {
        /// JSON pointer of the field.
        field: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
}

impl ReduceError {
    /// A stable name for logs and for the record of a parked delivery.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Body(BodyError::Form) => "form",
            Self::Body(BodyError::Encoding) => "encoding",
            Self::Body(BodyError::Syntax { .. }) => "syntax",
            Self::Body(BodyError::NotAnObject) => "not_an_object",
            Self::Body(BodyError::TooDeep { .. }) => "too_deep",
            Self::Body(BodyError::TooManyValues { .. }) => "too_many_values",
            Self::Body(BodyError::DuplicateKey) => "duplicate_key",
            Self::Body(BodyError::Nul) => "nul",
            Self::Field { .. } => "field",
        }
    }
}
