//! A Postgres cluster of our own.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::sync::watch;

use super::{
    Error, State,
    account::Account,
    cluster::{self, DATABASE, USER},
    endpoint::{Endpoint, create_private_dir},
    keeper::Keeper,
    launch::Launch,
    locate, previous,
};

const NAME: &str = "postgres";
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(8);
const PORT_ATTEMPTS: u32 = 5;
/// A Unix socket's path has at most 107 bytes.
const LONGEST_SOCKET_DIR: usize = 90;

/// How a private Postgres is run.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The folder with `postgres` and `initdb`; looked for when `None`.
    pub bin: Option<PathBuf>,
    /// Flush to disk at commit. Only tests can do without.
    pub durable: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            bin: None,
            durable: true,
        }
    }
}

/// A supervised Postgres on loopback and a socket in its own folder. It is started again when it
/// dies, stopped when this value is dropped, and does not outlive this process. When this process
/// is root the server runs as `postgres` or `nobody`.
#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    options: PostgresOptions,
    endpoint: Option<Endpoint>,
    bin: PathBuf,
    keeper: Option<Keeper>,
}

impl Postgres {
    /// Starts the cluster in `dir`, created when missing, and returns once it accepts
    /// connections. A server that an earlier process left behind in `dir` is ended first; port
    /// and password stay the same over restarts while the port is free.
    ///
    /// # Errors
    /// Missing or old binaries, a folder that cannot be written or reached by the server's
    /// account, full disk, or the server's own reason to end.
    pub async fn start(dir: &Path, options: PostgresOptions) -> Result<Self, Error> {
        let dir = std::path::absolute(dir).map_err(|source| Error::writing(dir, source))?;
        let mut server = Self {
            dir,
            options,
            endpoint: None,
            bin: PathBuf::new(),
            keeper: None,
        };
        server.start_again().await?;
        Ok(server)
    }

    /// Starts the server again after `stop` or `kill`; does nothing while it is running.
    ///
    /// # Errors
    /// As for `start`.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        if self.keeper.is_some() {
            return Ok(());
        }
        for attempt in 1.. {
            let (dir, options) = (self.dir.clone(), self.options.clone());
            let (endpoint, bin, launch) =
                tokio::task::spawn_blocking(move || prepare(&dir, &options))
                    .await
                    .map_err(|_| Error::KeeperGone { program: NAME })??;
            match Keeper::start(launch).await {
                Ok(keeper) => {
                    (self.endpoint, self.bin) = (Some(endpoint), bin);
                    self.keeper = Some(keeper);
                    break;
                }
                // Somebody else was quicker; `prepare` chooses another port.
                Err(Error::PortInUse { .. }) if attempt < PORT_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `postgres://user:password@127.0.0.1:port/maestro`. A secret: it carries the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url(DATABASE)
    }

    /// Like `url` for another database of the cluster.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let (password, port) = self
            .endpoint
            .as_ref()
            .map_or(("", 0), |it| (it.password.as_str(), it.port));
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}")
    }

    /// The folder with the server's and the client's programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The process id, `None` while the server is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.keeper.as_ref()?.pid()
    }

    /// Follows the server's state; `None` after `stop` and `kill`.
    #[must_use]
    pub fn state(&self) -> Option<watch::Receiver<State>> {
        self.keeper.as_ref().map(Keeper::state)
    }

    /// Stops the server within seconds (fast shutdown); it stays down.
    ///
    /// # Errors
    /// When the process cannot be ended.
    pub async fn stop(&mut self) -> Result<(), Error> {
        match self.keeper.take() {
            Some(keeper) => keeper.stop().await,
            None => Ok(()),
        }
    }

    /// Kills the server as a crash would (SIGKILL); it stays down.
    ///
    /// # Errors
    /// When the process cannot be ended.
    pub async fn kill(&mut self) -> Result<(), Error> {
        match self.keeper.take() {
            Some(keeper) => keeper.kill().await,
            None => Ok(()),
        }
    }
}

fn prepare(dir: &Path, options: &PostgresOptions) -> Result<(Endpoint, PathBuf, Launch), Error> {
    let bin = locate::postgres_bin(options.bin.as_deref())?;
    let account = Account::for_postgres()?;
    create_private_dir(dir)?;
    if let Some(account) = &account {
        account.own(dir)?;
        account.check_reaches(dir)?;
    }
    let data = dir.join("data");
    let pid_file = data.join("postmaster.pid");
    previous::end(NAME, &pid_file, &data, Signal::SIGINT)?;
    let endpoint = Endpoint::load_or_create(&dir.join("endpoint.json"))?;
    if !data.is_dir() {
        cluster::create(
            &bin,
            dir,
            &data,
            &endpoint.password,
            account.as_ref(),
            options.durable,
        )?;
    }
    let sockets = socket_dir(dir, account.as_ref())?;
    let port = endpoint.port;
    let mut locks = vec![pid_file.clone()];
    locks.extend(
        sockets
            .iter()
            .map(|dir| dir.join(format!(".s.PGSQL.{port}.lock"))),
    );
    let launch = Launch {
        name: NAME,
        program: bin.join("postgres"),
        arguments: cluster::arguments(&data, port, sockets.as_deref(), options.durable),
        dir: dir.to_owned(),
        log: dir.join("postgres.log"),
        port,
        account,
        stop_signal: Signal::SIGINT,
        death_signal: if options.durable {
            Signal::SIGINT
        } else {
            Signal::SIGQUIT
        },
        grace: GRACE,
        clear: Box::new(move || {
            previous::end_sessions(&data);
            previous::remove_stale_locks(&data, &locks);
        }),
        probe: Box::new(move |pid| probe(pid, port, &pid_file)),
    };
    Ok((endpoint, bin, launch))
}

fn socket_dir(dir: &Path, account: Option<&Account>) -> Result<Option<PathBuf>, Error> {
    let sockets = dir.join("socket");
    if sockets.as_os_str().len() > LONGEST_SOCKET_DIR {
        return Ok(None);
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&sockets)
        .map_err(|source| Error::writing(&sockets, source))?;
    if let Some(account) = account {
        account.own(&sockets)?;
    }
    Ok(Some(sockets))
}

/// Asks for a session: a server that is up asks back for the password, one that starts says so.
/// The server's own pid file tells it from a stranger on the same port.
fn probe(pid: u32, port: u16, pid_file: &Path) -> io::Result<()> {
    if previous::read_pid(pid_file) != Some(pid) {
        return Err(io::Error::other("not this process"));
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(&startup_message())?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    match kind {
        [b'R'] => Ok(()),
        _ => Err(io::Error::other("starting")),
    }
}

fn startup_message() -> Vec<u8> {
    const PROTOCOL_3: u32 = 3 << 16;
    let mut body = PROTOCOL_3.to_be_bytes().to_vec();
    for word in ["user", USER, "database", DATABASE, ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().to_vec(), body].concat()
}
