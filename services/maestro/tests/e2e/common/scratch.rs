//! A folder of one deployment.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::processes;

/// A temporary folder. When dropped, every process that belongs to it is ended first, so that
/// nothing is left behind however a test ends.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        // Started by root, Postgres runs under another account and has to reach its folder.
        let readable = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("maestro-e2e-")
            .permissions(readable)
            .tempdir();
        Self(folder.expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder of Maestro.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a writable folder");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        processes::end_all(self.path());
    }
}
