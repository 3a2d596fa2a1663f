//! The executor's data folder: who it is, and that it is the only one there.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use maestro_domain::ExecutorId;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::process::folder::{self, Durability};

const STANDBY_LOOKS_AGAIN: Duration = Duration::from_millis(250);

/// The data folder, held by this executor alone until this value is dropped.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: ExecutorId,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Record {
    id: ExecutorId,
}

/// Takes the data folder; while another executor has it, waits as standby. `None` when asked to
/// stop before it was free.
///
/// # Errors
/// When the folder cannot be written or its identity file is damaged.
pub(crate) async fn take(dir: &Path, stop: &CancellationToken) -> io::Result<Option<Identity>> {
    fs::create_dir_all(dir)?;
    let lock = folder::open_append(&dir.join("executor.lock"))?;
    let mut waiting = false;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if !waiting {
            tracing::info!(folder = %dir.display(), "another executor has the folder; standing by");
            waiting = true;
        }
        let pause = tokio::time::sleep(STANDBY_LOOKS_AGAIN);
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(Identity {
        id: id(&dir.join("executor.json"))?,
        _lock: lock,
    }))
}

fn id(path: &Path) -> io::Result<ExecutorId> {
    if let Some(Record { id }) = folder::read(path)? {
        return Ok(id);
    }
    let id = ExecutorId::new(Uuid::now_v7());
    folder::replace(path, &Record { id }, Durability::Synced)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_folder_has_one_owner_who_keeps_his_name() {
        let dir = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let first = take(dir.path(), &stop).await.unwrap().unwrap();
        let id = first.id;
        let (path, waits) = (dir.path().to_owned(), stop.clone());
        let standby = tokio::spawn(async move { take(&path, &waits).await });
        tokio::task::yield_now().await;
        assert!(!standby.is_finished());
        drop(first);
        assert_eq!(standby.await.unwrap().unwrap().unwrap().id, id);
    }

    #[tokio::test]
    async fn a_standby_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let _first = take(dir.path(), &stop).await.unwrap().unwrap();
        stop.cancel();
        assert!(take(dir.path(), &stop).await.unwrap().is_none());
    }
}
