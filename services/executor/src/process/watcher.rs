//! Watching one shim until its attempt is over.

use std::{
    fs::{File, TryLockError},
    io,
    time::Duration,
};

use maestro_domain::report::{End, Place};
use maestro_runtime::clock;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout},
    sync::watch,
    time,
};

use super::{
    folder::{self, Durability, Folder},
    leftovers::kill_leftovers,
    records::{Exit, Started},
};
use crate::backend::Observation;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_secs(1);

/// What is in the folder now, except that an end must have been concluded.
pub(crate) fn look(folder: &Folder) -> io::Result<Observation> {
    if let Some(exit) = folder::read_volatile::<Exit>(&folder.exit())? {
        let Exit {
            end,
            started_at,
            at,
        } = exit;
        return Ok(Observation::Ended {
            end,
            started_at,
            at,
            detail: None,
            place: Place::default(),
        });
    }
    let started = folder::read_volatile::<Started>(&folder.started())?;
    Ok(
        started.map_or(Observation::Starting, |started| Observation::Running {
            at: started.at,
            place: Place {
                pod: Some(format!("pid:{}", started.child.pid)),
                ..Place::default()
            },
        }),
    )
}

/// Follows a shim this process has started.
pub(crate) async fn watch_child(
    folder: Folder,
    mut shim: Child,
    stdout: Option<ChildStdout>,
    seen: watch::Sender<Observation>,
) {
    if let Some(stdout) = stdout {
        // One line once the child runs; nothing when it never does.
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line).await;
        publish(&folder, &seen);
    }
    let _ = shim.wait().await;
    conclude(&folder, &seen).await;
}

/// Follows a shim of an earlier executor.
pub(crate) async fn watch_adopted(folder: Folder, seen: watch::Sender<Observation>) {
    while held(&folder) {
        publish(&folder, &seen);
        time::sleep(LOOK_AGAIN).await;
    }
    conclude(&folder, &seen).await;
}

/// Whether a shim lives that holds the folder's lock.
pub(crate) fn held(folder: &Folder) -> bool {
    match File::open(folder.lock()).map(|lock| lock.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => true,
        Ok(_) | Err(_) => false,
    }
}

fn publish(folder: &Folder, seen: &watch::Sender<Observation>) {
    if let Ok(now) = look(folder) {
        seen.send_if_modified(|last| {
            let moved = !now.has_ended() && *last != now;
            if moved {
                *last = now;
            }
            moved
        });
    }
}

/// The shim is gone: its result is final, and without one the attempt is lost. Repeats until the
/// truth is on disk.
async fn conclude(folder: &Folder, seen: &watch::Sender<Observation>) {
    loop {
        match settle(folder).await {
            Ok(end) => {
                seen.send_replace(end);
                return;
            }
            Err(error) => {
                tracing::error!(folder = %folder.path().display(), %error, "cannot settle an attempt");
                time::sleep(RETRY).await;
            }
        }
    }
}

/// # Errors
/// When processes are left that cannot be killed, or the folder cannot be read or written.
async fn settle(folder: &Folder) -> io::Result<Observation> {
    // A shim on its way that has not taken the lock yet will find the result and start nothing.
    let lock = folder::open_append(&folder.lock())?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if let seen @ Observation::Ended { .. } = look(folder)? {
        return Ok(seen);
    }
    kill_leftovers(folder).await?;
    let started_at = look(folder)?.started_at();
    let lost = Exit {
        end: End::Lost,
        started_at,
        at: clock::now(),
    };
    folder::replace(&folder.exit(), &lost, Durability::Synced)?;
    look(folder)
}
