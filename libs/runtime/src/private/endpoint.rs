//! A server's port and password, kept in its folder so that they survive restarts.

use std::{
    fs::{self, File},
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::secret::register_secret;

/// Below the range from which the system takes ports for outgoing connections, so a port stays
/// free while its server is down.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub(super) port: u16,
    pub(super) password: String,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The endpoint kept in `path`, or a new one; always with a port that is free now.
    pub(super) fn load_or_create(path: &Path) -> Result<Self, Error> {
        let mut endpoint = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| Error::Damaged {
                path: path.to_owned(),
                source,
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self {
                port: 0,
                password: hex(&rand::rng().random::<[u8; 24]>()),
            },
            Err(source) => {
                return Err(Error::Unwritable {
                    dir: path.to_owned(),
                    source,
                });
            }
        };
        if endpoint.port == 0 || !is_free(endpoint.port) {
            endpoint.choose_port();
        }
        register_secret(&endpoint.password);
        endpoint.save(path)?;
        Ok(endpoint)
    }

    /// Takes another port that is free now.
    fn choose_port(&mut self) {
        let mut rng = rand::rng();
        let candidates = (0..1_000).map(|_| rng.random_range(PORTS));
        if let Some(port) = candidates.into_iter().find(|port| is_free(*port)) {
            self.port = port;
        }
    }

    fn save(&self, path: &Path) -> Result<(), Error> {
        let text = format!(r#"{{"port":{},"password":"{}"}}"#, self.port, self.password);
        write_private(path, text.as_bytes())
    }
}

/// Creates a folder and its parents; the folder itself is its owner's alone.
pub(super) fn create_private_dir(dir: &Path) -> Result<(), Error> {
    let failed = |source| Error::writing(dir, source);
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)
}

/// Replaces a file by one that only its owner can read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|source| Error::writing(path, source))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
