//! The process shim as a program of its own, for the tests.

fn main() -> std::process::ExitCode {
    maestro_executor::shim::main(std::env::args_os().skip(2))
}
