//! Commands that run until a test lets them end.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use nix::{sys::stat::Mode, unistd::mkfifo};

/// A named pipe that commands open for reading (`: < GATE`), which blocks until the test opens it:
/// no polling, no guessed times.
pub(crate) struct Gate {
    path: PathBuf,
    opened: Option<File>,
}

impl Gate {
    pub(crate) fn new(path: &Path) -> Self {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        Self {
            path: path.to_owned(),
            opened: None,
        }
    }

    /// Lets everybody through: who waits and who comes later.
    pub(crate) fn open(&mut self) {
        // Held to read and write a pipe never blocks, and has a writer for those who wait.
        let pipe = File::options().read(true).write(true).open(&self.path);
        self.opened = Some(pipe.unwrap());
        let open = self.path.with_extension("open");
        fs::write(&open, "").unwrap();
        fs::rename(&open, &self.path).unwrap();
    }
}
