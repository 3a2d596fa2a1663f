//! Developer tasks: `cargo xtask <task>`.

mod bench;
mod sqlx_prepare;

use std::{path::Path, process::ExitCode};

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks", version)]
enum Task {
    /// Measures Maestro on this machine
    #[command(subcommand)]
    Bench(bench::Task),
    /// Renews what is known of the read model's queries, so that they are checked without a database
    SqlxPrepare {
        /// Change nothing; fail when it is not up to date
        #[arg(long)]
        check: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    match Task::parse() {
        Task::Bench(task) => bench::run(&root, task).await,
        Task::SqlxPrepare { check } => sqlx_prepare::run(&root, check).await,
    }
}
