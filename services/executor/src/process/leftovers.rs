//! Ending what a shim left behind that was killed itself.

use std::{io, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    folder::{self, Folder},
    procfs::{self, Stat},
    records::{ProcessId, Started},
};

const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Kills every process of the attempt's session and of the child's group, and waits until none
/// lives. A number that now belongs to something else is left alone.
///
/// # Errors
/// When they do not go away (uninterruptible I/O) or the folder cannot be read.
pub(crate) async fn kill_leftovers(folder: &Folder) -> io::Result<()> {
    let shim: Option<ProcessId> = folder::read_volatile(&folder.shim())?;
    let started: Option<Started> = folder::read_volatile(&folder.started())?;
    let session = shim.filter(ours).map(|shim| shim.pid);
    let group = started
        .map(|started| started.child)
        .filter(ours)
        .map(|child| child.pid);
    if session.is_none() && group.is_none() {
        return Ok(());
    }
    for _ in 0..TRIES {
        let left = procfs::processes(|process: &Stat| {
            !process.zombie && (Some(process.session) == session || Some(process.group) == group)
        });
        if left.is_empty() {
            return Ok(());
        }
        for process in left {
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "processes of a lost attempt survive SIGKILL",
    ))
}

/// Whether a session or group with this number can only be the attempt's. The kernel gives no
/// process the number of a living session or group.
fn ours(leader: &ProcessId) -> bool {
    leader.of_this_boot() && !leader.reused()
}
