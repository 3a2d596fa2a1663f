//! Starting the child.

use std::{
    fs::File,
    io::{self, ErrorKind, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use crate::process::{
    folder::{self, Folder},
    records::Launch,
};

/// Exit codes of a shell for a program that is not there and one that cannot be executed.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// What became of a start.
pub(super) enum Launched {
    Running(Child),
    /// The command itself cannot be executed; its output says why.
    Refused(i32),
}

/// Starts the child as leader of a process group of its own.
///
/// # Errors
/// When the machine, not the command, is the reason: no memory, too many processes or files.
pub(super) fn launch(folder: &Folder, launch: &Launch) -> io::Result<Launched> {
    let stdout = folder::open_append(&folder.stdout())?;
    let mut stderr = folder::open_append(&folder.stderr())?;
    let Some((program, arguments)) = launch.command.split_first().filter(|(p, _)| !p.is_empty())
    else {
        return refuse(&mut stderr, NOT_FOUND, "the run has no command");
    };
    if let Some(name) = launch
        .env
        .keys()
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        let problem = format!("{name:?} cannot be the name of an environment variable");
        return refuse(&mut stderr, NOT_EXECUTABLE, &problem);
    }
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&launch.env)
        .current_dir(folder.work())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr.try_clone()?)
        .process_group(0)
        .spawn();
    match spawned {
        Ok(child) => Ok(Launched::Running(child)),
        Err(error) => match fault_of_command(&error) {
            Some(code) => refuse(&mut stderr, code, &format!("{}: {error}", shown(program))),
            None => Err(error),
        },
    }
}

/// The exit code a shell gives, where the command is at fault.
fn fault_of_command(error: &io::Error) -> Option<i32> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Some(NOT_FOUND),
        ErrorKind::PermissionDenied
        | ErrorKind::IsADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput
        | ErrorKind::ArgumentListTooLong => Some(NOT_EXECUTABLE),
        _ => match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(nix::errno::Errno::ENOEXEC | nix::errno::Errno::ELOOP) => Some(NOT_EXECUTABLE),
            _ => None,
        },
    }
}

fn refuse(stderr: &mut File, code: i32, problem: &str) -> io::Result<Launched> {
    writeln!(stderr, "maestro: {problem}")?;
    Ok(Launched::Refused(code))
}

fn shown(program: &str) -> String {
    program.chars().take(200).collect()
}
