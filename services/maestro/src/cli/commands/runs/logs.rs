//! `maestro runs logs`.

use std::io::{self, Write as _};

use clap::Args;
use maestro_contracts::v1::{LogStream, StreamLogsRequest, StreamLogsResponse};

use crate::cli::{failure::Failure, options::Connection, session::Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  maestro runs logs RUN
  maestro runs logs RUN --follow
  maestro runs logs RUN --attempt 1 2>errors.txt

What the run wrote to its standard error comes out on standard error.";

/// Options of `maestro runs logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Id of the run
    #[arg(value_name = "RUN")]
    id: String,
    /// Which attempt; the current one when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Go on until the attempt has ended
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Logs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.client(&self.connection)?.runs();
        let request = StreamLogsRequest {
            run_id: self.id,
            attempt: self.attempt.unwrap_or_default(),
            no_follow: !self.follow,
        };
        let mut chunks = client.stream_logs(request).await?.into_inner();
        while let Some(chunk) = chunks.message().await? {
            if session.output.is_table() {
                copy(&chunk)?;
            } else {
                session.output.print_next(&chunk, |_| String::new())?;
            }
        }
        Ok(())
    }
}

/// Writes the bytes as they are.
pub(super) fn copy(chunk: &StreamLogsResponse) -> Result<(), Failure> {
    let written = match chunk.stream() {
        LogStream::Stdout | LogStream::Unspecified => {
            let mut out = io::stdout().lock();
            out.write_all(&chunk.data).and_then(|()| out.flush())
        }
        LogStream::Stderr | LogStream::System => io::stderr().lock().write_all(&chunk.data),
    };
    written.map_err(|error| Failure::output(&error))
}
