//! Finding a running Maestro by its data folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::failure::{Failure, Kind};

/// Name of the file that `maestro up` writes into its data folder.
pub(crate) const ENDPOINTS_FILE: &str = "endpoints.json";
/// Name of the file with the operator's token in the data folder.
pub(crate) const TOKEN_FILE: &str = "operator.token";

/// Where the parts of a running Maestro are: full URLs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    pub(crate) ui: String,
    pub(crate) webhook: String,
    pub(crate) grpc: String,
    pub(crate) nats: String,
    pub(crate) postgres: String,
    pub(crate) webhook_secret_file: PathBuf,
}

/// The data folder: the one given or the user's own.
pub(crate) fn data_dir(given: Option<&Path>) -> Result<PathBuf, Failure> {
    given
        .map(Path::to_owned)
        .or_else(maestro_runtime::data_dir::default_dir)
        .ok_or_else(|| {
            Failure::usage("there is no home folder to look in: name the data folder with --data")
        })
}

impl Endpoints {
    /// Writes the file at once, for its owner only: the URLs carry passwords.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        crate::files::write_private(&dir.join(ENDPOINTS_FILE), &text)
    }

    /// Removes the file: nothing runs any more.
    pub(crate) fn remove(dir: &Path) {
        // It may never have been written.
        let _ = fs::remove_file(dir.join(ENDPOINTS_FILE));
    }

    /// Reads what `maestro up` wrote.
    pub(crate) fn load(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(ENDPOINTS_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failure::unavailable(format!(
                    "no Maestro is running with --data {}: start it with `maestro up`",
                    dir.display()
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let message = format!("{} belongs to another user", path.display());
                return Err(Failure::new(Kind::Refused, message));
            }
            Err(error) => {
                return Err(Failure::caused(
                    format!("cannot read {}", path.display()),
                    &error,
                ));
            }
        };
        serde_json::from_slice(&text).map_err(|error| {
            Failure::caused(
                format!("{} is not what `maestro up` writes", path.display()),
                &error,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_maestro_is_told_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Endpoints::load(dir.path()).unwrap_err();
        assert_eq!(failure.kind(), Kind::Unavailable);
        assert!(
            failure.to_string().contains("start it with `maestro up`"),
            "{failure}"
        );
    }

    #[test]
    fn what_up_writes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"ui":"http://127.0.0.1:1","webhook":"http://127.0.0.1:1/w",
            "grpc":"http://127.0.0.1:1","nats":"nats://127.0.0.1:2",
            "postgres":"postgres://x","webhook_secret_file":"/d/secret"}"#;
        fs::write(dir.path().join(ENDPOINTS_FILE), text).unwrap();
        assert_eq!(
            Endpoints::load(dir.path()).unwrap().nats,
            "nats://127.0.0.1:2"
        );
        fs::write(dir.path().join(ENDPOINTS_FILE), "{").unwrap();
        assert_eq!(
            Endpoints::load(dir.path()).unwrap_err().kind(),
            Kind::Failed
        );
    }
}
