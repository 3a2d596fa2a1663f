//! The operator's token: lets the command line in.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use maestro_domain::Digest;
use subtle::ConstantTimeEq as _;

use super::Secret;

/// A bearer token kept in a file that only its owner reads.
#[derive(Debug, Clone)]
pub struct OperatorToken(Secret);

/// The token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// Reading or writing failed.
    #[error("cannot use the token file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("the token file {path} can be read by others (mode {mode:o}): make it 600")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("{path} does not hold a token of 64 hex digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl OperatorToken {
    /// Reads the token, or creates the file with a fresh one.
    ///
    /// # Errors
    /// When the file cannot be read or written, is readable by others, or holds no token.
    pub fn load_or_create(path: &Path) -> Result<Self, TokenFileError> {
        let failed = |source| TokenFileError::Io {
            path: path.to_owned(),
            source,
        };
        let created = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match created {
            Ok(mut file) => {
                let token = Secret::random();
                writeln!(file, "{}", token.expose())
                    .and_then(|()| file.sync_all())
                    .map_err(failed)?;
                Ok(Self(token))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads the token.
    ///
    /// # Errors
    /// When the file is absent, cannot be read, is readable by others, or holds no token.
    pub fn load(path: &Path) -> Result<Self, TokenFileError> {
        let failed = |source| TokenFileError::Io {
            path: path.to_owned(),
            source,
        };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenFileError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        Secret::parse(text.trim())
            .map(Self)
            .ok_or_else(|| TokenFileError::Malformed {
                path: path.to_owned(),
            })
    }

    /// What the gateway is told: the token itself stays in its file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// The token itself, for an `Authorization: Bearer` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Whether a presented token is one of `accepted`, in time that does not depend on which.
pub(super) fn is_accepted(presented: &str, accepted: &[Digest]) -> bool {
    let Some(secret) = Secret::parse(presented) else {
        return false;
    };
    let digest = secret.digest();
    let mut found = subtle::Choice::from(0);
    for each in accepted {
        found |= each.bytes().ct_eq(digest.bytes());
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_created_once_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.token");
        let first = OperatorToken::load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = OperatorToken::load_or_create(&path).unwrap();
        assert_eq!(first.expose(), again.expose());
    }

    #[test]
    fn a_file_that_others_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.token");
        OperatorToken::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = OperatorToken::load(&path);
        assert!(matches!(
            refused,
            Err(TokenFileError::Exposed { mode: 0o644, .. })
        ));
    }

    #[test]
    fn only_accepted_tokens_pass() {
        let (mine, other) = (Secret::random(), Secret::random());
        let accepted = [other.digest(), mine.digest()];
        assert!(is_accepted(mine.expose(), &accepted));
        assert!(!is_accepted(Secret::random().expose(), &accepted));
        assert!(!is_accepted("", &accepted));
        assert!(!is_accepted(mine.expose(), &[]));
    }
}
