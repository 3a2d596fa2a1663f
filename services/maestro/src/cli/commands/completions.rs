//! `maestro completions`.

use clap::Args;
use clap_complete::Shell;

use crate::cli::{failure::Failure, output::write};

pub(crate) const EXAMPLES: &str = "\
Examples:
  source <(maestro completions bash)
  maestro completions zsh > ~/.zfunc/_maestro
  maestro completions fish > ~/.config/fish/completions/maestro.fish";

/// Options of `maestro completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete in
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, command: &mut clap::Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "maestro", &mut script);
        write(String::from_utf8_lossy(&script).trim_end())
    }
}
