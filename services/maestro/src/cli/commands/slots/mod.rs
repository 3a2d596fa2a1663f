//! `maestro slots`.

mod list;
mod steer;
mod table;

use clap::Subcommand;

use crate::cli::{failure::Failure, session::Session};

/// Commands on slots.
#[derive(Debug, Subcommand)]
pub(crate) enum Slots {
    /// List the slots of every pool, who holds them, and who waits
    #[command(after_help = list::EXAMPLES)]
    List(list::List),
    /// Let nothing of a pool start until it is resumed; what runs goes on
    #[command(after_help = steer::PAUSE_EXAMPLES)]
    Pause(steer::Pause),
    /// Let a paused pool go on
    #[command(after_help = steer::RESUME_EXAMPLES)]
    Resume(steer::Resume),
    /// Change how many slots a pool has, or create it
    #[command(after_help = steer::RESIZE_EXAMPLES)]
    Resize(steer::Resize),
}

impl Slots {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Pause(pause) => pause.run(session).await,
            Self::Resume(resume) => resume.run(session).await,
            Self::Resize(resize) => resize.run(session).await,
        }
    }
}
