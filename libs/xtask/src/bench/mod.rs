//! `cargo xtask bench`: how fast, how soon, how small. Builds release programs, measures them
//! beside their yardsticks in the same run, and is never part of CI: its numbers are those of one
//! machine at one time, so ratios matter.

mod broker;
mod child;
mod deployment;
mod idle;
mod ingest;
mod latency;
mod load;
mod machine;
mod process;
mod programs;
mod rebuild;
mod report;
mod results;
mod runs;
mod stats;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use self::{ingest::Effort, programs::Programs, results::Results};

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Task {
    /// Webhooks acknowledged per second, beside raw publishes and a receiver in Node
    Ingest(Options),
    /// From a webhook to the start of its process, at 20 webhooks per second
    Latency(Options),
    /// A thousand short runs on fifty slots, beside the same processes without Maestro
    Runs(Options),
    /// Memory of an idle Maestro and time of `maestro --help`
    Idle(Options),
    /// Every projection rebuilt, beside a raw read and a raw copy of the same rows
    Rebuild(Options),
    /// All of them
    All(Options),
    /// Writes docs/performance.md from measured results
    Report {
        /// What `--json` wrote
        results: PathBuf,
    },
}

/// How much to measure and where to keep it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also write the results here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Alternating rounds of each contestant
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of a round
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Length of the log that is rebuilt from
    #[arg(long, default_value_t = 1_000_000)]
    commits: u64,
}

/// Runs one task.
pub(crate) async fn run(root: &Path, task: Task) -> anyhow::Result<ExitCode> {
    let (options, wanted) = match task {
        Task::Report { results } => {
            write_document(root, &results)?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::Ingest(options) => (options, "ingest"),
        Task::Latency(options) => (options, "latency"),
        Task::Runs(options) => (options, "runs"),
        Task::Idle(options) => (options, "idle"),
        Task::Rebuild(options) => (options, "rebuild"),
        Task::All(options) => (options, "all"),
    };
    let wanted = |name| wanted == "all" || wanted == name;
    let programs = Programs::build(root)?;
    let mut results = Results::on(machine::look()?);
    if wanted("idle") {
        results.idle = Some(idle::measure(&programs).await?);
    }
    if wanted("latency") {
        results.latency = Some(latency::measure(&programs).await?);
    }
    if wanted("runs") {
        results.runs = Some(runs::measure(&programs).await?);
    }
    if wanted("rebuild") {
        let measured = rebuild::measure(root, options.commits, options.rounds).await?;
        results.rebuild = Some(measured);
    }
    if wanted("ingest") {
        let effort = Effort {
            rounds: options.rounds.max(1),
            seconds: options.seconds.max(1),
        };
        results.ingest = ingest::measure(&programs, effort).await?;
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&results)? + "\n";
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("\n{}", report::markdown(&results));
    Ok(ExitCode::SUCCESS)
}

fn write_document(root: &Path, file: &Path) -> anyhow::Result<()> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let results: Results = serde_json::from_slice(&text)
        .with_context(|| format!("{} holds no results", file.display()))?;
    fs::write(root.join("docs/performance.md"), report::document(&results))?;
    Ok(())
}
