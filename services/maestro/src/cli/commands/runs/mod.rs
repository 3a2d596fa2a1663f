//! `maestro runs`.

mod cancel;
mod list;
mod logs;
mod retry;
mod show;

use clap::Subcommand;
use maestro_contracts::v1::{Run, RunStatus};

use crate::cli::{failure::Failure, output::Paint, session::Session};

/// Commands on runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, newest first
    #[command(after_help = list::EXAMPLES)]
    List(list::List),
    /// Show one run and its timeline
    #[command(after_help = show::EXAMPLES)]
    Show(show::Show),
    /// Print what a run printed
    #[command(after_help = logs::EXAMPLES)]
    Logs(logs::Logs),
    /// Ask a run to end
    #[command(after_help = cancel::EXAMPLES)]
    Cancel(cancel::Cancel),
    /// Repeat a run that has ended, as a new run
    #[command(after_help = retry::EXAMPLES)]
    Retry(retry::Retry),
}

impl Runs {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
            Self::Logs(logs) => logs.run(session).await,
            Self::Cancel(cancel) => cancel.run(session).await,
            Self::Retry(retry) => retry.run(session).await,
        }
    }
}

/// A status of a run and its colour.
fn status_of(run: &Run) -> (&'static str, Paint) {
    match run.status() {
        RunStatus::Running if run.cancel_requested => ("canceling", Paint::Busy),
        status => paint_of(status),
    }
}

/// A status and its colour.
const fn paint_of(status: RunStatus) -> (&'static str, Paint) {
    match status {
        RunStatus::Unspecified => ("unknown", Paint::Faint),
        RunStatus::Pending => ("pending", Paint::Faint),
        RunStatus::Dispatched => ("dispatched", Paint::Busy),
        RunStatus::Running => ("running", Paint::Busy),
        RunStatus::Succeeded => ("succeeded", Paint::Good),
        RunStatus::Failed => ("failed", Paint::Bad),
        RunStatus::Canceled => ("canceled", Paint::Faint),
    }
}
