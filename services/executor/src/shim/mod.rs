//! The process shim: one small process per attempt that outlives its executor.
//!
//! It holds `lock` in the attempt's folder for its whole life, starts the child, ends it on
//! cancel or deadline, leaves no descendant behind, and writes `exit.json`. Whoever finds the
//! lock free and no `exit.json` knows that the result is lost.

mod launch;
mod supervise;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use maestro_domain::report::End;
use maestro_runtime::clock;
use nix::{
    sys::{
        prctl,
        signal::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    },
    unistd,
};
use signal_hook::iterator::Signals;

use self::{launch::Launched, supervise::Supervisor};
use crate::process::{
    folder::{self, Durability, Folder},
    records::{Exit, ProcessId, Spec, Started},
};

/// How often and how long the result is tried to be written, for example while the disk is full.
const RESULT_TRIES: u32 = 3600;
const RESULT_PAUSE: Duration = Duration::from_secs(1);

/// What the shim prints once the child runs.
pub(crate) const STARTED: &str = "started";

/// Runs the shim with the arguments behind its name, `--dir DIR`, and returns its exit code:
/// 0 when the attempt's folder holds a result, 2 for wrong arguments, else 1.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let (Some(flag), Some(dir), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return usage();
    };
    if flag != "--dir" {
        return usage();
    }
    match run(&Folder::new(PathBuf::from(dir))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "process-shim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "usage: process-shim --dir DIR");
    ExitCode::from(2)
}

fn run(folder: &Folder) -> io::Result<()> {
    // Fails only for a session leader, which needs no new session.
    let _ = unistd::setsid();
    let lock = folder::open_append(&folder.lock())?;
    lock.lock()?;
    if folder.exit().exists() {
        return Ok(());
    }
    let result = attempt(folder).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "process-shim: {error}");
        Exit {
            end: End::LaunchRejected,
            started_at: None,
            at: clock::now(),
        }
    });
    write_result(folder, &result, &lock)
}

/// Everything between the lock and the result. An error means that the child never ran.
fn attempt(folder: &Folder) -> io::Result<Exit> {
    let signals = listen()?;
    prctl::set_child_subreaper(true)?;
    let me = ProcessId::of(unistd::getpid().as_raw())?;
    folder::replace(&folder.shim(), &me, Durability::Volatile)?;
    let spec: Spec = folder::read(&folder.spec())?
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "spec.json is missing"))?;
    // A cancel writes its mark before it looks for `shim.json`, so one of both sees the other.
    if folder.cancel().exists() {
        return Ok(Exit {
            end: End::Canceled,
            started_at: None,
            at: clock::now(),
        });
    }
    let launched = launch::launch(folder, &spec.launch)?;
    let at = clock::now();
    let child = match launched {
        Launched::Running(child) => child,
        Launched::Refused(code) => {
            return Ok(Exit {
                end: End::Exited { code },
                started_at: Some(at),
                at,
            });
        }
    };
    let supervisor = Supervisor::new(folder, &spec.launch, child, signals);
    announce(folder, supervisor.child(), at);
    let end = supervisor.run();
    Ok(Exit {
        end,
        started_at: Some(at),
        at: clock::now(),
    })
}

/// Tells the executor that the child runs. Without it the run goes on all the same.
fn announce(folder: &Folder, child: i32, at: maestro_domain::Timestamp) {
    let written = ProcessId::of(child).and_then(|child| {
        folder::replace(
            &folder.started(),
            &Started { child, at },
            Durability::Volatile,
        )
    });
    if let Err(error) = written {
        let _ = writeln!(io::stderr(), "process-shim: started.json: {error}");
    }
    let _ = writeln!(io::stdout(), "{STARTED}");
}

/// Turns signals into messages.
fn listen() -> io::Result<mpsc::Receiver<i32>> {
    let wanted = [SIGCHLD, SIGTERM, SIGINT, SIGHUP].map(|signal| signal as i32);
    let mut signals = Signals::new(wanted)?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
    Ok(receiver)
}

/// Does not give up soon: without it the run counts as lost.
fn write_result(folder: &Folder, result: &Exit, _held: &File) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match folder::replace(&folder.exit(), result, Durability::Synced) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound || tries == RESULT_TRIES => {
                return Err(error);
            }
            Err(_) => {
                tries += 1;
                pause(RESULT_PAUSE);
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the shim is a process of its own without tasks"
)]
fn pause(pause: Duration) {
    thread::sleep(pause);
}
