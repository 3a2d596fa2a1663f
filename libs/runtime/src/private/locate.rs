//! Finds the servers' binaries.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::Error;
use crate::data_dir;

/// Names the nats-server binary.
pub const NATS_VARIABLE: &str = "MAESTRO_NATS_SERVER";
/// Names the folder with Postgres' server binaries.
pub const POSTGRES_VARIABLE: &str = "MAESTRO_POSTGRES_BIN";

const OLDEST_NATS: (u32, u32) = (2, 12);
const OLDEST_POSTGRES: u32 = 15;

/// The nats-server to use: `given`, else `MAESTRO_NATS_SERVER`, else a `tools` folder (of the
/// per-user data folder or beside the running binary), else PATH.
///
/// # Errors
/// When there is none, it does not execute, or it is older than 2.12.
pub fn nats_server(given: Option<&Path>) -> Result<PathBuf, Error> {
    let missing = Error::Missing {
        program: "nats-server",
        variable: NATS_VARIABLE,
    };
    let path = given
        .map(Path::to_owned)
        .or_else(|| env::var_os(NATS_VARIABLE).map(PathBuf::from))
        .or_else(|| tools_folders().iter().find_map(|dir| newest_nats(dir)))
        .or_else(|| on_path("nats-server"))
        .filter(|path| path.is_file())
        .ok_or(missing)?;
    let found = version_of(&path)?;
    match major_minor(&found) {
        Some(version) if version >= OLDEST_NATS => Ok(path),
        _ => Err(Error::TooOld {
            path,
            found,
            needed: "2.12",
            variable: NATS_VARIABLE,
        }),
    }
}

/// The folder with `postgres` and `initdb` to use: `given`, else `MAESTRO_POSTGRES_BIN`, else a
/// `tools` folder, else PATH, else the newest of the distribution's.
///
/// # Errors
/// When there is none, it does not execute, or it is older than 15.
pub fn postgres_bin(given: Option<&Path>) -> Result<PathBuf, Error> {
    let missing = Error::Missing {
        program: "PostgreSQL's server",
        variable: POSTGRES_VARIABLE,
    };
    let complete = |dir: &PathBuf| dir.join("postgres").is_file() && dir.join("initdb").is_file();
    let named = given
        .map(Path::to_owned)
        .or_else(|| env::var_os(POSTGRES_VARIABLE).map(PathBuf::from));
    let dir = match named {
        Some(dir) => Some(dir).filter(complete),
        None => tools_folders()
            .into_iter()
            .map(|dir| dir.join("postgresql/bin"))
            .chain(on_path("postgres").as_deref().and_then(folder_of))
            .chain(distribution_postgres())
            .find(complete),
    }
    .ok_or(missing)?;
    let path = dir.join("postgres");
    let found = version_of(&path)?;
    match major(&found) {
        Some(version) if version >= OLDEST_POSTGRES => Ok(dir),
        _ => Err(Error::TooOld {
            path,
            found,
            needed: "15",
            variable: POSTGRES_VARIABLE,
        }),
    }
}

fn tools_folders() -> Vec<PathBuf> {
    let beside = env::current_exe().ok();
    let beside = beside
        .iter()
        .flat_map(|path| path.ancestors().skip(1).take(4));
    data_dir::default_dir()
        .into_iter()
        .chain(beside.map(Path::to_owned))
        .map(|dir| dir.join("tools"))
        .filter(|dir| dir.is_dir())
        .collect()
}

fn newest_nats(tools: &Path) -> Option<PathBuf> {
    newest(tools, "nats-server-")
        .map(|dir| dir.join("nats-server"))
        .filter(|path| path.is_file())
}

fn distribution_postgres() -> Option<PathBuf> {
    newest(Path::new("/usr/lib/postgresql"), "").map(|dir| dir.join("bin"))
}

fn newest(dir: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = numbers(name.to_str()?.strip_prefix(prefix)?);
            (!version.is_empty()).then(|| (version, entry.path()))
        })
        .max()
        .map(|(_, path)| path)
}

/// Where a program really is: its companions stand there, not beside a link to it.
fn folder_of(program: &Path) -> Option<PathBuf> {
    fs::canonicalize(program).ok()?.parent().map(Path::to_owned)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

fn version_of(path: &Path) -> Result<String, Error> {
    let output = Command::new(path)
        .arg(OsStr::new("--version"))
        .output()
        .map_err(|source| Error::Spawn {
            path: path.to_owned(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let word = text
        .split_whitespace()
        .find(|word| !numbers(word).is_empty());
    Ok(word.unwrap_or("unknown").trim_start_matches('v').to_owned())
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .map_while(leading_number)
        .collect()
}

fn leading_number(part: &str) -> Option<u32> {
    let end = part
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(part.len());
    part[..end].parse().ok()
}

fn major(version: &str) -> Option<u32> {
    numbers(version).first().copied()
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    match numbers(version)[..] {
        [major, minor, ..] => Some((major, minor)),
        _ => None,
    }
}
