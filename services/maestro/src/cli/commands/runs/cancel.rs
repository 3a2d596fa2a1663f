//! `maestro runs cancel`.

use clap::Args;
use maestro_contracts::v1::CancelRunRequest;

use crate::cli::{
    failure::Failure,
    options::{Connection, Request},
    session::Session,
};

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
    #[command(flatten)]
    request: Request,
    #[command(flatten)]
    connection: Connection,
}

impl Cancel {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.runs();
        let id = self.id.clone();
        let request = CancelRunRequest {
            id: self.id,
            reason: self.request.reason,
            idempotency_key: self.request.key,
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
