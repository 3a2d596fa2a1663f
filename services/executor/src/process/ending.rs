//! Ending everything that runs, because the machine's owner stops all of Maestro.

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    folder::{self, Folder},
    leftovers,
    records::ProcessId,
    watcher,
};

/// How long runs get between TERM and KILL.
const GRACE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks every shim to end its run, and kills what is left after the grace. Without the mark of a
/// cancel the attempt counts as lost, so its run is tried again by the next executor.
pub(super) async fn end_all(folders: Vec<Folder>) {
    let live: Vec<Folder> = folders.into_iter().filter(watcher::held).collect();
    for folder in &live {
        if let Ok(Some(shim)) = folder::read_volatile::<ProcessId>(&folder.shim())
            && shim.alive()
        {
            // ESRCH: it has just ended by itself.
            let _ = kill(Pid::from_raw(shim.pid), Signal::SIGTERM);
        }
    }
    let ended = async {
        while live.iter().any(watcher::held) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(GRACE, ended).await.is_ok() {
        return;
    }
    for folder in live.iter().filter(|folder| watcher::held(folder)) {
        if let Err(error) = leftovers::kill_leftovers(folder).await {
            tracing::error!(%error, "a run survives the stop");
        }
    }
}
