//! The operator's command line.

pub(crate) mod commands;
pub(crate) mod endpoints;
mod failure;
mod options;
mod output;
mod progress;
mod session;
mod times;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use failure::Failure;
use options::Global;
use session::Session;

/// Turns webhooks into runs, and shows what became of them.
#[derive(Debug, Parser)]
#[command(name = "maestro", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  maestro up                               start everything on this machine
  maestro runs list --status failed        what went wrong lately
  maestro runs logs RUN --follow           what a run prints, as it prints it
  maestro deliveries show DELIVERY         why a webhook did or did not start a run

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 unavailable";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine
    Up(crate::up::Options),
    /// Start one service as its own process
    Serve(crate::serve::Options),
    /// Prepare a deployment of single services: streams, database, secrets, default project
    Init(crate::serve::InitOptions),
    /// Show whether everything works and how far the read models are
    #[command(after_help = commands::status::EXAMPLES)]
    Status(commands::status::Status),
    /// Look for what keeps Maestro from working
    #[command(after_help = commands::doctor::EXAMPLES)]
    Doctor(commands::doctor::Doctor),
    /// Send webhooks by hand
    Webhook {
        #[command(subcommand)]
        command: commands::webhook::Webhook,
    },
    /// List, show, follow, cancel and retry runs
    Runs {
        #[command(subcommand)]
        command: commands::runs::Runs,
    },
    /// List and show deliveries and the decisions on them
    Deliveries {
        #[command(subcommand)]
        command: commands::deliveries::Deliveries,
    },
    /// Show slot pools and who holds what; pause, resume and resize them
    Slots {
        #[command(subcommand)]
        command: commands::slots::Slots,
    },
    /// Show who starts runs and looks after them
    Executors {
        #[command(subcommand)]
        command: commands::executors::Executors,
    },
    /// Ask an executor what it does, or to take nothing new
    Executor {
        #[command(subcommand)]
        command: commands::executor::Executor,
    },
    /// List, rebuild and verify the read models
    Projections {
        #[command(subcommand)]
        command: commands::projections::Projections,
    },
    /// Follow the log of events
    #[command(after_help = commands::tail::EXAMPLES)]
    Tail(commands::tail::Tail),
    /// Verify, sign, export and restore the log
    Log {
        #[command(subcommand)]
        command: commands::log::Log,
    },
    /// Print a fresh one-time link that signs a browser in
    #[command(after_help = commands::login_link::EXAMPLES)]
    LoginLink(commands::login_link::LoginLink),
    /// Print a script that completes commands in a shell
    #[command(after_help = commands::completions::EXAMPLES)]
    Completions(commands::completions::Completions),
}

/// Parses the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let done = match command {
        Command::Up(options) => return crate::up::main(global.data.as_deref(), options),
        Command::Serve(options) => return crate::serve::main(global.data.as_deref(), options),
        Command::Init(options) => return crate::serve::init_main(global.data.as_deref(), options),
        Command::Completions(completions) => completions.run(&mut Cli::command()),
        other => in_runtime(&global, other),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn in_runtime(global: &Global, command: Command) -> Result<(), Failure> {
    let session = Session::new(global)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused("cannot start", &error))?;
    runtime.block_on(run(&session, command))
}

async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Status(status) => status.run(session).await,
        Command::Doctor(doctor) => doctor.run(session).await,
        Command::Webhook { command } => command.run(session).await,
        Command::Runs { command } => command.run(session).await,
        Command::Deliveries { command } => command.run(session).await,
        Command::Slots { command } => command.run(session).await,
        Command::Executors { command } => command.run(session).await,
        Command::Executor { command } => command.run(session).await,
        Command::Projections { command } => command.run(session).await,
        Command::Tail(tail) => tail.run(session).await,
        Command::Log { command } => command.run(session).await,
        Command::LoginLink(link) => link.run(session).await,
        // Dispatched before there is a runtime.
        Command::Up(_) | Command::Serve(_) | Command::Init(_) | Command::Completions(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            for child in command
                .get_subcommands()
                .filter(|child| child.get_name() != "help")
            {
                check(child, &path);
            }
            if !command.has_subcommands() {
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(help.contains("Examples:"), "{path} shows no examples");
            }
        }
        check(&Cli::command(), "");
    }
}
