//! `maestro log`: proof that the log is what was written, and its backup.

mod checkpoint;
mod export;
mod file;
mod import;
mod keys;
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
    /// Write the log and the vault's encrypted values to a file
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
    /// Restore a file into an empty deployment
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Sign the log as it is now
    #[command(after_help = checkpoint::EXAMPLES)]
    Checkpoint(checkpoint::SignNow),
    /// Print the public keys that checkpoints are verified with
    #[command(after_help = keys::EXAMPLES)]
    Keys(keys::Keys),
}

impl Log {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(session).await,
            Self::Export(export) => export.run(session).await,
            Self::Import(import) => import.run(session).await,
            Self::Checkpoint(checkpoint) => checkpoint.run(session).await,
            Self::Keys(keys) => keys.run(session).await,
        }
    }
}
