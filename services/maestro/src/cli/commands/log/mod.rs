//! `maestro log`: proof that the log is what was written.

mod links;
mod place;
mod report;
mod verify;

use clap::Subcommand;

use crate::cli::{failure::Failure, session::Session};

/// Commands on the log of commits.
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Look for commits that are missing or were changed
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Verify),
}

impl Log {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(session).await,
        }
    }
}
