//! Why a command failed, and the exit code that says so to scripts.

use std::{error::Error, fmt, io, process::ExitCode};

use tonic::{Code, Status};

/// A failure with a message for the person in front of the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

/// Kinds of failures; each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whoever reads the output has read enough (`| head`): 0, without a word.
    Enough,
    /// Anything that is none of the others: 1.
    Failed,
    /// The command line or a value in it is wrong: 2.
    Usage,
    /// There is no such thing: 3.
    NotFound,
    /// Not signed in, or not allowed: 4.
    Refused,
    /// Something needed is away; the same command may succeed later: 5.
    Unavailable,
}

impl Kind {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Enough => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unavailable => 5,
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// The output cannot be written any more.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::Enough, ""),
            _ => Self::caused("cannot write the output", error),
        }
    }

    /// Tells the person, where there is something to tell, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind != Kind::Enough {
            eprintln!("error: {self}");
        }
        ExitCode::from(self.kind.exit_code())
    }

    /// Something failed with a cause of its own.
    pub(crate) fn caused(what: impl fmt::Display, cause: &(dyn Error + 'static)) -> Self {
        Self::new(Kind::Failed, format!("{what}: {}", chain(cause)))
    }

    #[cfg(test)]
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let unreachable = status
            .source()
            .is_some_and(|source| source.is::<tonic::transport::Error>());
        if unreachable {
            return Self::unavailable(
                "Maestro does not answer: is it running? `maestro doctor` looks closer",
            );
        }
        let kind = match status.code() {
            Code::InvalidArgument => Kind::Usage,
            Code::NotFound => Kind::NotFound,
            Code::Unauthenticated | Code::PermissionDenied => Kind::Refused,
            Code::Unavailable | Code::DeadlineExceeded => Kind::Unavailable,
            _ => Kind::Failed,
        };
        let field = status
            .metadata()
            .get("field")
            .and_then(|field| field.to_str().ok());
        let message = match field {
            Some(field) => format!("{field}: {}", status.message()),
            None => status.message().to_owned(),
        };
        Self::new(kind, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_exit_code() {
        let codes = [
            Kind::Enough,
            Kind::Failed,
            Kind::Usage,
            Kind::NotFound,
            Kind::Refused,
            Kind::Unavailable,
        ];
        assert_eq!(codes.map(Kind::exit_code), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn statuses_become_kinds_and_name_their_field() {
        let kind = |code| Failure::from(Status::new(code, "")).kind();
        assert_eq!(kind(Code::NotFound), Kind::NotFound);
        assert_eq!(kind(Code::Unauthenticated), Kind::Refused);
        assert_eq!(kind(Code::PermissionDenied), Kind::Refused);
        assert_eq!(kind(Code::Unavailable), Kind::Unavailable);
        assert_eq!(kind(Code::Internal), Kind::Failed);
        let mut status = Status::invalid_argument("is wrong");
        status.metadata_mut().insert("field", "id".parse().unwrap());
        assert_eq!(Failure::from(status).to_string(), "id: is wrong");
    }
}
