//! Creating an attempt's folder and its shim.

use std::{fs, io, process::Stdio};

use tokio::process::{Child, Command};

use super::{
    Settings,
    environment::environment,
    folder::{self, Folder},
    hidden,
    records::{Launch, Spec},
    removal,
};
use crate::backend::Task;

/// Makes the folder appear, complete.
pub(super) fn prepare(folder: &Folder, task: &Task, settings: &Settings) -> io::Result<()> {
    let draft = Folder::new(hidden(folder.path()));
    if draft.path().exists() {
        removal::remove(draft.path())?;
    }
    let written =
        fill(&draft, folder, task, settings).and_then(|()| fs::rename(draft.path(), folder.path()));
    if written.is_err() {
        let _ = fs::remove_dir_all(draft.path());
    }
    written
}

fn fill(draft: &Folder, folder: &Folder, task: &Task, settings: &Settings) -> io::Result<()> {
    folder::create_private_dir(draft.path())?;
    for dir in [draft.work(), draft.home(), draft.tmp()] {
        folder::create_private_dir(&dir)?;
    }
    for output in [draft.stdout(), draft.stderr()] {
        folder::write_private(&output, b"")?;
    }
    let prompt = task.spec.prompt.as_deref().unwrap_or_default();
    folder::write_private(&draft.prompt(), prompt.as_bytes())?;
    let launch = Launch {
        command: task.spec.command.clone(),
        env: environment(folder, &task.start, &task.spec, task.traceparent.as_deref()),
        timeout_s: task.spec.timeout_s,
        grace_ms: u64::try_from(settings.term_grace.as_millis()).unwrap_or(u64::MAX),
    };
    let spec = Spec {
        execution: task.start.execution,
        pool: task.start.pool.clone(),
        traceparent: task.traceparent.clone(),
        launch,
    };
    folder::write_private(&draft.spec(), &serde_json::to_vec(&spec)?)
}

/// Starts the shim. When that fails the folder is taken away again: nothing was started.
pub(super) fn spawn(folder: &Folder, settings: &Settings) -> io::Result<Child> {
    let spawned = command(folder, settings).and_then(|mut command| command.spawn());
    if spawned.is_err() {
        let _ = fs::remove_dir_all(folder.path());
    }
    spawned
}

fn command(folder: &Folder, settings: &Settings) -> io::Result<Command> {
    let mut command = Command::new(&settings.shim);
    command
        .arg("process-shim")
        .arg("--dir")
        .arg(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(folder::open_append(&folder.shim_log())?);
    Ok(command)
}
