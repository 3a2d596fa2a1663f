//! The account a server runs under when Maestro was started by root.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Uid, User, chown};

use super::Error;

/// An unprivileged account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// `postgres`, else `nobody`, when this process is root; `None` for everybody else.
    pub(super) fn for_postgres() -> Result<Option<Self>, Error> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let user = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .ok_or(Error::NoAccount)?;
        Ok(Some(Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
        }))
    }

    /// The options of `setpriv` that change to this account.
    pub(super) fn setpriv_arguments(&self) -> [String; 3] {
        [
            format!("--reuid={}", self.uid),
            format!("--regid={}", self.gid),
            "--clear-groups".to_owned(),
        ]
    }

    /// Gives `path` to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(|error| Error::Unwritable {
            dir: path.to_owned(),
            source: error.into(),
        })
    }

    /// Checks that this account can reach and write `dir`.
    pub(super) fn check_reaches(&self, dir: &Path) -> Result<(), Error> {
        let path = Path::new("setpriv");
        let status = Command::new(path)
            .args(self.setpriv_arguments())
            .args(["--", "test", "-w"])
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|source| Error::Spawn {
                path: path.to_owned(),
                source,
            })?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Unreachable {
            dir: dir.to_owned(),
            user: self.name.clone(),
        })
    }
}
