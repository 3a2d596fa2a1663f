//! The one binary of Maestro: all services and the operator's command line.

mod cli;
mod files;
mod process;
mod seed;
mod serve;
mod settings;
mod up;
mod webhook;

use std::process::ExitCode;

/// A fifth less processor time per delivery than with the one of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // A shim starts with every run: it must not pay for anything it does not need.
    if arguments
        .next()
        .is_some_and(|first| first == "process-shim")
    {
        return maestro_executor::shim::main(arguments);
    }
    cli::main()
}
