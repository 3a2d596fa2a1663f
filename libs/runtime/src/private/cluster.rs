//! Creates a Postgres cluster and says how to run it.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{Error, account::Account, endpoint::write_private, launch::last_line};

/// The cluster's superuser.
pub(super) const USER: &str = "maestro";
/// The database that a new cluster has.
pub(super) const DATABASE: &str = "maestro";

/// Creates the cluster beside its place and moves it there when it is complete.
pub(super) fn create(
    bin: &Path,
    dir: &Path,
    data: &Path,
    password: &str,
    account: Option<&Account>,
    durable: bool,
) -> Result<(), Error> {
    let new = data.with_extension("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::writing(new, error));
        }
        _ => {}
    }
    let password_file = dir.join("password");
    write_private(&password_file, password.as_bytes())?;
    if let Some(account) = account {
        account.own(&password_file)?;
    }
    let created = initdb(bin, dir, &new, &password_file, account, durable)
        .and_then(|()| create_database(bin, dir, &new, account));
    let removed = fs::remove_file(&password_file);
    created?;
    removed
        .and_then(|()| fs::rename(&new, data))
        .map_err(|source| Error::writing(data, source))
}

fn initdb(
    bin: &Path,
    dir: &Path,
    new: &Path,
    password_file: &Path,
    account: Option<&Account>,
    durable: bool,
) -> Result<(), Error> {
    let mut command = tool(&bin.join("initdb"), account);
    command
        .args([
            "--username",
            USER,
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ])
        .args(["--data-checksums", "--no-instructions"])
        .args((!durable).then_some("--no-sync"))
        .arg("--pwfile")
        .arg(password_file)
        .arg("--pgdata")
        .arg(new);
    run(command, dir, "initdb", "")
}

/// In single-user mode, so that neither a running server nor a client is needed.
fn create_database(
    bin: &Path,
    dir: &Path,
    new: &Path,
    account: Option<&Account>,
) -> Result<(), Error> {
    let mut command = tool(&bin.join("postgres"), account);
    command.args(["--single", "-D"]).arg(new).arg("postgres");
    run(
        command,
        dir,
        "postgres --single",
        &format!("CREATE DATABASE {DATABASE};\n"),
    )
}

fn tool(program: &Path, account: Option<&Account>) -> Command {
    match account {
        None => Command::new(program),
        Some(account) => {
            let mut command = Command::new("setpriv");
            command
                .args(account.setpriv_arguments())
                .arg("--")
                .arg(program);
            command
        }
    }
}

fn run(mut command: Command, dir: &Path, name: &str, input: &str) -> Result<(), Error> {
    let program = PathBuf::from(command.get_program());
    let failed = |source| Error::Spawn {
        path: program.clone(),
        source,
    };
    let mut child = command
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ended early says why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().map_err(failed)?;
    let text = [
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    ]
    .concat();
    if text.contains("No space left on device") {
        return Err(Error::DiskFull {
            dir: dir.to_owned(),
        });
    }
    // Single-user mode ends with success even when a statement failed.
    if !status.success() || text.contains("ERROR:") || text.contains("FATAL:") {
        let (program, status, said) = (name.to_owned(), status.to_string(), last_line(&text));
        return Err(Error::Tool {
            program,
            status,
            said,
        });
    }
    Ok(())
}

/// The server's arguments: modest, on loopback and a socket in its own folder.
pub(super) fn arguments(
    data: &Path,
    port: u16,
    sockets: Option<&Path>,
    durable: bool,
) -> Vec<OsString> {
    let sockets = sockets.map(|path| path.to_string_lossy().replace('\'', "''"));
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", sockets.unwrap_or_default()),
        "shared_buffers=32MB".to_owned(),
        "max_connections=50".to_owned(),
        "logging_collector=off".to_owned(),
        "password_encryption=scram-sha-256".to_owned(),
        "timezone=UTC".to_owned(),
    ];
    if !durable {
        let relaxed = ["fsync=off", "full_page_writes=off", "max_connections=200"];
        settings.extend(relaxed.map(str::to_owned));
    }
    let mut arguments = vec!["-D".into(), data.into()];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}
