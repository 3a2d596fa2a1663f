//! A nats-server of our own.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::sync::watch;

use super::{
    Error, State,
    endpoint::{Endpoint, create_private_dir, write_private},
    keeper::Keeper,
    launch::Launch,
    locate, previous,
};

const NAME: &str = "nats-server";
const USER: &str = "maestro";
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(5);
const PORT_ATTEMPTS: u32 = 5;

/// How a private nats-server is run.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The binary; looked for when `None`.
    pub binary: Option<PathBuf>,
    /// Flush to disk before each acknowledgement (`sync_interval: always`) instead of every two
    /// minutes.
    pub sync_always: bool,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            binary: None,
            sync_always: true,
        }
    }
}

/// A supervised nats-server with JetStream, on loopback only. It is started again when it dies,
/// stopped when this value is dropped, and does not outlive this process.
#[derive(Debug)]
pub struct NatsServer {
    dir: PathBuf,
    options: NatsOptions,
    url: String,
    keeper: Option<Keeper>,
}

impl NatsServer {
    /// Starts the server that keeps its data in `dir` and returns once it accepts clients. A
    /// server that an earlier process left behind in `dir` is ended first; port and password stay
    /// the same over restarts while the port is free.
    ///
    /// # Errors
    /// Missing or old binary, unwritable folder, full disk, or the server's own reason to end.
    pub async fn start(dir: &Path, options: NatsOptions) -> Result<Self, Error> {
        let dir = std::path::absolute(dir).map_err(|source| Error::writing(dir, source))?;
        let mut server = Self {
            dir,
            options,
            url: String::new(),
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
            let (endpoint, launch) = tokio::task::spawn_blocking(move || prepare(&dir, &options))
                .await
                .map_err(|_| Error::KeeperGone { program: NAME })??;
            match Keeper::start(launch).await {
                Ok(keeper) => {
                    self.url = format!(
                        "nats://{USER}:{}@127.0.0.1:{}",
                        endpoint.password, endpoint.port
                    );
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

    /// `nats://user:password@127.0.0.1:port`. A secret: it carries the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
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

    /// Stops the server within seconds; it stays down.
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

fn prepare(dir: &Path, options: &NatsOptions) -> Result<(Endpoint, Launch), Error> {
    let program = locate::nats_server(options.binary.as_deref())?;
    create_private_dir(dir)?;
    let (config, pid_file) = (dir.join("nats.conf"), dir.join("nats.pid"));
    previous::end(NAME, &pid_file, &config, Signal::SIGTERM)?;
    let endpoint = Endpoint::load_or_create(&dir.join("endpoint.json"))?;
    write_private(
        &config,
        configuration(dir, &pid_file, &endpoint, options).as_bytes(),
    )?;
    let probed = endpoint.clone();
    let launch = Launch {
        name: NAME,
        program,
        arguments: vec!["-c".into(), config.into()],
        dir: dir.to_owned(),
        log: dir.join("nats.log"),
        port: endpoint.port,
        account: None,
        stop_signal: Signal::SIGTERM,
        death_signal: Signal::SIGTERM,
        grace: GRACE,
        clear: Box::new(|| {}),
        probe: Box::new(move |_| probe(&probed)),
    };
    Ok((endpoint, launch))
}

fn configuration(
    dir: &Path,
    pid_file: &Path,
    endpoint: &Endpoint,
    options: &NatsOptions,
) -> String {
    let sync = if options.sync_always { "always" } else { "2m" };
    let Endpoint { port, password } = endpoint;
    let (store, pid_file) = (quoted(&dir.join("jetstream")), quoted(pid_file));
    format!(
        "server_name: maestro\n\
         listen: \"127.0.0.1:{port}\"\n\
         pid_file: {pid_file}\n\
         max_payload: 8MB\n\
         authorization {{ user: {USER}, password: \"{password}\" }}\n\
         jetstream {{ store_dir: {store}, sync_interval: {sync}, max_memory_store: 256MB }}\n"
    )
}

fn quoted(path: &Path) -> String {
    let text = path
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("\"{text}\"")
}

/// Logs in, so a stranger on the same port does not count.
fn probe(endpoint: &Endpoint) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, endpoint.port));
    let stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    let mut reader = BufReader::new(&stream);
    let info = line(&mut reader)?;
    if !info.contains("\"jetstream\":true") {
        return Err(io::Error::other("no JetStream"));
    }
    let login = format!(
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"lang\":\"rust\",\"version\":\"1\",\"user\":\"{USER}\",\"pass\":\"{}\"}}\r\nPING\r\n",
        endpoint.password
    );
    (&stream).write_all(login.as_bytes())?;
    match line(&mut reader)?.trim_end() {
        "PONG" => Ok(()),
        _ => Err(io::Error::other("refused")),
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line)
}
