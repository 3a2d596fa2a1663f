//! How a server is started, and why it ended.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{Error, account::Account};

const LONGEST_LOG: u64 = 8 << 20;

type Probe = Box<dyn Fn(u32) -> io::Result<()> + Send + Sync>;

/// Everything needed to start a server any number of times.
pub(super) struct Launch {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// The folder it works in and that error messages name.
    pub(super) dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) port: u16,
    /// The account to run under; the caller's own when `None`.
    pub(super) account: Option<Account>,
    pub(super) stop_signal: Signal,
    /// Sent by the kernel when this process dies.
    pub(super) death_signal: Signal,
    /// How long a polite stop may take.
    pub(super) grace: Duration,
    /// Removes what a crash left behind; called before each start.
    pub(super) clear: Box<dyn Fn() + Send + Sync>,
    /// Connects; fails while the process of this id does not answer.
    pub(super) probe: Probe,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch")
            .field("name", &self.name)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// A log and where this start's part of it begins.
pub(super) struct Log {
    pub(super) file: File,
    from: u64,
}

impl Launch {
    pub(super) fn open_log(&self) -> Result<Log, Error> {
        let failed = |source| Error::writing(&self.log, source);
        if fs::metadata(&self.log).is_ok_and(|log| log.len() > LONGEST_LOG) {
            fs::rename(&self.log, self.log.with_extension("log.1")).map_err(failed)?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(failed)?;
        let from = file.metadata().map_err(failed)?.len();
        Ok(Log { file, from })
    }

    /// `setpriv` becomes the server: it asks for the parent-death signal and drops the account.
    pub(super) fn command(&self, log: &File) -> io::Result<Command> {
        let mut command = Command::new("setpriv");
        command
            .arg("--pdeathsig")
            .arg(self.death_signal.as_str().trim_start_matches("SIG"));
        if let Some(account) = &self.account {
            command.args(account.setpriv_arguments());
        }
        command
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(&self.dir)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        Ok(command)
    }

    /// Turns an end before readiness into an error that says what to do.
    pub(super) fn explain(&self, status: ExitStatus, log: &Log) -> Error {
        let text = tail(&self.log, log.from).unwrap_or_default();
        let lower = text.to_ascii_lowercase();
        if lower.contains("address already in use") {
            return Error::PortInUse { port: self.port };
        }
        if lower.contains("no space left on device") || lower.contains("disk quota exceeded") {
            return Error::DiskFull {
                dir: self.dir.clone(),
            };
        }
        Error::Ended {
            program: self.name,
            status: status.to_string(),
            said: last_line(&text),
            log: self.log.clone(),
        }
    }

    pub(super) fn not_ready(&self, after: Duration) -> Error {
        Error::NotReady {
            program: self.name,
            seconds: after.as_secs(),
            log: self.log.clone(),
        }
    }
}

fn tail(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(1 << 20).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last line that is worth showing.
pub(super) fn last_line(text: &str) -> String {
    let telling = |line: &&str| {
        ["FATAL", "[FTL]", "error"]
            .iter()
            .any(|mark| line.contains(mark))
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines
        .clone()
        .rev()
        .find(telling)
        .or_else(|| lines.next_back());
    line.unwrap_or("it said nothing").to_owned()
}
