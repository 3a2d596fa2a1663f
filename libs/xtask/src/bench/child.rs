//! A process that is started, awaited and ended.

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{ChildStdout, Command},
    time::timeout,
};

const STARTS_WITHIN: Duration = Duration::from_secs(60);
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// Killed when dropped; better stopped.
pub(crate) struct Child {
    child: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
    name: String,
}

impl Child {
    /// Starts it; what it says on standard error goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let name = Path::new(command.as_std().get_program())
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| name.clone())?;
        let stdout = child.stdout.take().context("standard output is piped")?;
        let lines = BufReader::new(stdout).lines();
        Ok(Self { child, lines, name })
    }

    /// The first line that begins so.
    pub(crate) async fn line(&mut self, begin: &str) -> anyhow::Result<String> {
        let reading = async {
            while let Some(line) = self.lines.next_line().await? {
                if line.starts_with(begin) {
                    return Ok(line);
                }
            }
            bail!("{} ended before it was ready", self.name)
        };
        let read = timeout(STARTS_WITHIN, reading).await;
        read.with_context(|| format!("{} is not ready in time", self.name))?
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let pid = self.child.id();
        pid.with_context(|| format!("{} has ended", self.name))
    }

    /// Asks it to end and waits.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid()?.cast_signed());
        kill(pid, Signal::SIGTERM)?;
        let ended = timeout(STOPS_WITHIN, self.child.wait()).await;
        ended.with_context(|| format!("{} does not stop", self.name))??;
        Ok(())
    }
}
