use std::{path::Path, time::Duration};

use maestro_runtime::{
    clock::{block_thread, monotonic},
    private::{NatsOptions, NatsServer, State},
};
use tempfile::TempDir;

const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A nats-server with a folder and a free port of its own; it and its folder are gone when this
/// value is dropped. Its methods panic when the server cannot be run.
#[derive(Debug)]
pub struct Nats {
    server: Option<NatsServer>,
    dir: TempDir,
}

impl Nats {
    /// A server that flushes to disk every two minutes, which is faster.
    pub async fn start() -> Self {
        Self::with(false).await
    }

    /// A server that flushes to disk before each acknowledgement, as in production.
    pub async fn durable() -> Self {
        Self::with(true).await
    }

    async fn with(sync_always: bool) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("maestro-nats-")
            .tempdir()
            .expect("a temporary folder");
        let options = NatsOptions {
            sync_always,
            ..NatsOptions::default()
        };
        let server = NatsServer::start(dir.path(), options).await;
        let server = server.unwrap_or_else(|error| panic!("nats-server: {error}"));
        Self {
            server: Some(server),
            dir,
        }
    }

    /// `nats://user:password@127.0.0.1:port`; the same after `start_again`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server().url().to_owned()
    }

    /// The process id, `None` while the server is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server().pid()
    }

    /// The server's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Kills the server as a crash would; it stays down until `start_again`.
    pub async fn kill9(&mut self) {
        self.server_mut()
            .kill()
            .await
            .unwrap_or_else(|error| panic!("nats-server: {error}"));
    }

    /// Stops the server; it stays down until `start_again`.
    pub async fn stop(&mut self) {
        self.server_mut()
            .stop()
            .await
            .unwrap_or_else(|error| panic!("nats-server: {error}"));
    }

    /// Starts the server again on the same port and folder.
    pub async fn start_again(&mut self) {
        let url = self.url();
        let started = self.server_mut().start_again().await;
        started.unwrap_or_else(|error| panic!("nats-server: {error}"));
        assert_eq!(
            self.url(),
            url,
            "the port was taken by another program meanwhile"
        );
    }

    fn server(&self) -> &NatsServer {
        self.server.as_ref().expect("present until dropped")
    }

    fn server_mut(&mut self) -> &mut NatsServer {
        self.server.as_mut().expect("present until dropped")
    }
}

impl Drop for Nats {
    /// Waits for the server, so that its folder can be removed.
    fn drop(&mut self) {
        let state = self.server.as_ref().and_then(NatsServer::state);
        self.server = None;
        let deadline = monotonic() + GONE_WITHIN;
        while state
            .as_ref()
            .is_some_and(|state| *state.borrow() != State::Stopped)
        {
            if monotonic() > deadline {
                eprintln!("nats-server in {} does not stop", self.dir.path().display());
                return;
            }
            block_thread(Duration::from_millis(1));
        }
    }
}
