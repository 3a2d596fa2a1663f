//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder that holds everything one installation keeps
    #[arg(long, value_name = "DIR", env = "MAESTRO_DATA", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// How to print results
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        global = true,
        default_value = "table"
    )]
    pub(crate) output: Format,
}

/// Where Maestro is and who asks.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Connection {
    /// Address of the gateway; found in the data folder when left out
    #[arg(long, value_name = "URL", env = "MAESTRO_URL")]
    pub(crate) url: Option<String>,
    /// File with the operator's token; the one in the data folder when left out
    #[arg(long, value_name = "FILE", env = "MAESTRO_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What every command that changes something takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Request {
    /// Why; kept in the vault
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reason: String,
    /// Idempotency key: the same key asks for the outcome of the same command; a fresh one when
    /// left out
    #[arg(
        long,
        value_name = "KEY",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) key: String,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// The answer as JSON; one object a line where there are many over time
    Json,
    /// The answer as YAML
    Yaml,
}
