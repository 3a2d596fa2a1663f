//! The folder of one attempt: where everything about it lies.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use maestro_domain::report::Execution;
use serde::{Serialize, de::DeserializeOwned};

/// `<run>.<attempt>.<token>` below the executor's data folder. Readable by its owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
    pub(crate) fn of(parent: &Path, execution: Execution) -> Self {
        let Execution {
            run,
            attempt,
            token,
        } = execution;
        Self(parent.join(format!("{run}.{attempt}.{token}")))
    }
    /// The execution its name stands for; `None` for a foreign folder.
    pub(crate) fn execution(&self) -> Option<Execution> {
        let mut parts = self.0.file_name()?.to_str()?.split('.');
        let execution = Execution {
            run: parts.next()?.parse().ok()?,
            attempt: parts.next()?.parse().ok()?,
            token: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(execution)
    }
    /// The execution it stands for now: the lease may have moved. `None` when it is not there.
    pub(crate) fn lease(&self) -> io::Result<Option<Execution>> {
        let Some(execution) = self.execution().filter(|_| self.0.exists()) else {
            return Ok(None);
        };
        Ok(read(&self.0.join("lease.json"))?.or(Some(execution)))
    }
    /// Says which execution it stands for from now on.
    pub(crate) fn set_lease(&self, execution: Execution) -> io::Result<()> {
        replace(&self.0.join("lease.json"), &execution, Durability::Synced)
    }
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
    /// Held by the shim for its whole life.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
    /// What to execute, with its secrets.
    pub(crate) fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }
    /// Which process the shim is.
    pub(crate) fn shim(&self) -> PathBuf {
        self.0.join("shim.json")
    }
    /// What the shim itself complains about.
    pub(crate) fn shim_log(&self) -> PathBuf {
        self.0.join("shim.log")
    }
    /// Written once the child runs.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("started.json")
    }
    /// The result; once it is there the attempt is over.
    pub(crate) fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }
    /// Its presence tells the shim that a TERM means cancel.
    pub(crate) fn cancel(&self) -> PathBuf {
        self.0.join("cancel")
    }
    /// Its presence says that the result is stored; holds the time in milliseconds.
    pub(crate) fn collected(&self) -> PathBuf {
        self.0.join("collected")
    }
    pub(crate) fn stdout(&self) -> PathBuf {
        self.0.join("stdout")
    }
    pub(crate) fn stderr(&self) -> PathBuf {
        self.0.join("stderr")
    }
    /// Working directory of the child.
    pub(crate) fn work(&self) -> PathBuf {
        self.0.join("work")
    }
    pub(crate) fn home(&self) -> PathBuf {
        self.0.join("home")
    }
    pub(crate) fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }
    pub(crate) fn prompt(&self) -> PathBuf {
        self.0.join("prompt.md")
    }
    /// Where the run may leave a result of its own.
    pub(crate) fn result(&self) -> PathBuf {
        self.0.join("result.json")
    }
}

/// Creates a folder only its owner can enter.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Opens a file for appending, readable by its owner only.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Writes a file readable by its owner only.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Whether a replaced file must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It matters only while its processes live.
    Volatile,
    /// Forced to disk before it becomes visible.
    Synced,
}

/// Makes `value` appear at `path` whole or not at all.
pub(crate) fn replace(path: &Path, value: &impl Serialize, how: Durability) -> io::Result<()> {
    let tmp = path.with_extension("tmp");
    write_private(&tmp, &serde_json::to_vec(value)?)?;
    if how == Durability::Synced {
        File::open(&tmp)?.sync_all()?;
    }
    fs::rename(&tmp, path)?;
    if let (Durability::Synced, Some(parent)) = (how, path.parent()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Reads what [`replace`] wrote; `None` when it is not there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// As [`read`]; what is damaged counts as not there, as after a power cut.
pub(crate) fn read_volatile<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match read(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(None)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use maestro_domain::RunId;

    use super::*;

    #[test]
    fn the_name_carries_the_execution() {
        let run = RunId::new(uuid::Uuid::from_u128(5));
        let execution = Execution {
            run,
            attempt: 2,
            token: 77,
        };
        let folder = Folder::of(Path::new("/data"), execution);
        assert_eq!(folder.execution(), Some(execution));
        for foreign in [
            "x",
            "run_1.2",
            &format!("{run}.1.2.3"),
            &format!(".{run}.1.2"),
        ] {
            assert_eq!(
                Folder::new(format!("/data/{foreign}")).execution(),
                None,
                "{foreign}"
            );
        }
    }
}
