//! `maestro runs cancel`.

use clap::Args;
use maestro_contracts::v1::CancelRunRequest;

use crate::cli::{failure::Failure, options::Connection, session::Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro runs cancel RUN --reason \"wrong branch\"
  maestro runs cancel RUN --key retry-1   repeat with the same key: same command, same outcome";

/// Options of `maestro runs cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Id of the run
    #[arg(value_name = "RUN")]
    id: String,
    /// Why; kept in the vault
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    /// Idempotency key; a fresh one when left out
    #[arg(
        long,
        value_name = "KEY",
        default_value = "",
        hide_default_value = true
    )]
    key: String,
    #[command(flatten)]
    connection: Connection,
}

impl Cancel {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.runs();
        let id = self.id.clone();
        let request = CancelRunRequest {
            id: self.id,
            reason: self.reason,
            idempotency_key: self.key,
        };
        let answer = client.cancel_run(request).await?.into_inner();
        session.output.print(&answer, |_| {
            format!(
                "{id} was asked to end (command {}, revision {})",
                answer.command_id, answer.revision
            )
        })
    }
}
