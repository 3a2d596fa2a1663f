//! What can go wrong, and whether waiting helps.

use maestro_domain::{Digest, RunId};

/// A query, a migration or a wait that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Postgres does not answer, is overloaded, or its tables are not there yet. Asking again
    /// later helps.
    #[error("the read models are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The URL of the database cannot be used. It is not shown: it may hold a password.
    #[error("the database URL is not of the form postgres://user:password@host:port/name")]
    Url,
    /// A page token that this list did not hand out, or for another filter.
    #[error("the page token does not belong to this list and filter")]
    PageToken,
    /// A value that cannot be asked for.
    #[error("{field} {problem}")]
    Invalid {
        /// Field of the request.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The projection did not reach the revision in time.
    #[error("`{projection}` is at revision {reached} and did not reach {wanted} in time")]
    Behind {
        /// The projection.
        projection: String,
        /// Revision asked for.
        wanted: u64,
        /// Revision reached.
        reached: u64,
    },
    /// A row holds something that no projection of this build wrote.
    #[error("table {table} holds an unknown {column}: {value:?}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// A migration could not be applied.
    #[error("a migration could not be applied")]
    Migrate(#[source] Box<sqlx::migrate::MigrateError>),
    /// Postgres refused the statement.
    #[error("Postgres refused the statement")]
    Query(#[source] sqlx::Error),
}

impl Error {
    /// Whether asking again later may help.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Behind { .. })
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) || tables_missing(&error) {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Query(error)
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(inner) if is_transient(&inner) => {
                Self::Unavailable(Box::new(inner))
            }
            other => Self::Migrate(Box::new(other)),
        }
    }
}

/// A commit that a projection cannot apply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Postgres refused a statement or went away.
    #[error("Postgres refused a statement")]
    Database(#[from] sqlx::Error),
    /// An event of a run that was never requested.
    #[error("{0} was never requested")]
    UnknownRun(RunId),
    /// The journal holds another commit of this number.
    #[error("the journal holds another commit {n}, with hash {kept}")]
    JournalDiffers {
        /// Number of the commit.
        n: u64,
        /// Hash of the commit in the journal.
        kept: Digest,
    },
    /// An event that cannot be expressed as JSON.
    #[error("an event cannot be expressed as JSON")]
    Json(#[from] serde_json::Error),
    /// The projection's code failed.
    #[error("the projection panicked: {0}")]
    Panicked(String),
}

impl ApplyError {
    /// Whether the same commit may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if is_transient(error))
    }
}

/// Whether the cause is Postgres and not what it was asked: connections, resources, shutdown,
/// deadlocks, a statement that took too long.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "28", "3D", "40", "53", "55", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                || code == "25006"
        }),
        _ => false,
    }
}

/// Whether the tables are not there (yet): migrations have not run.
fn tables_missing(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(|database| database.code());
    matches!(code.as_deref(), Some("42P01" | "42703" | "3F000"))
}
