//! The folder that holds everything one installation keeps on this machine.

use std::{
    env,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::Uid;

/// `/var/lib/maestro` for root, else `maestro` in the user's data folder; `None` when the user
/// has no home.
#[must_use]
pub fn default_dir() -> Option<PathBuf> {
    if Uid::effective().is_root() {
        return Some(PathBuf::from("/var/lib/maestro"));
    }
    let folder = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?;
    Some(base.join("maestro"))
}

/// The data folder, held by this process alone until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another Maestro uses it.
    #[error(
        "{dir} is in use by another Maestro: stop that one, or choose another folder with --data"
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder cannot be written.
    #[error("{dir} cannot be written: choose another folder with --data")]
    Unwritable {
        /// The folder.
        dir: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// Creates `dir` when it is missing and takes it for this process.
///
/// # Errors
/// When another process holds it or it cannot be written.
pub fn lock(dir: &Path) -> Result<Lock, LockError> {
    let unwritable = |source| LockError::Unwritable {
        dir: dir.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(dir)
        .map_err(unwritable)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(dir.join("lock"))
        .map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::InUse {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(LockError::InUse { .. })));
        drop(first);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        let error = lock(&path).unwrap_err();
        assert!(
            error.to_string().contains("choose another folder"),
            "{error}"
        );
    }
}
