//! Maestro as it is run: everything in one process, or its ingress alone.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
};

use super::{child::Child, programs::Programs};

const LISTENS_WITHIN: Duration = Duration::from_secs(20);

/// What `maestro up` writes into its data folder.
#[derive(Deserialize)]
struct Endpoints {
    webhook: String,
    webhook_secret_file: PathBuf,
}

/// A running Maestro and its data folder.
pub(crate) struct Deployment {
    child: Child,
    dir: TempDir,
    pub(crate) webhook: String,
    pub(crate) secret_file: PathBuf,
}

impl Deployment {
    /// Everything in one process, on the broker at `nats` or a private one.
    pub(crate) async fn up(
        programs: &Programs,
        nats: Option<&str>,
        settings: &str,
    ) -> anyhow::Result<Self> {
        Self::up_in(programs, data_folder()?, nats, settings).await
    }

    async fn up_in(
        programs: &Programs,
        dir: TempDir,
        nats: Option<&str>,
        settings: &str,
    ) -> anyhow::Result<Self> {
        let data = dir.path();
        let config = data.join("bench.toml");
        fs::write(&config, settings)?;
        let mut command = Command::new(&programs.maestro);
        command
            .arg("up")
            .arg("--data")
            .arg(data)
            .arg("--config")
            .arg(&config);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(nats) = nats {
            command.args(["--nats", nats]);
        }
        let log = data.join("up.log");
        let mut child = Child::start(&mut command, &log)?;
        let ready = child.line("ready").await;
        ready.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        let endpoints: Endpoints = serde_json::from_slice(&fs::read(data.join("endpoints.json"))?)?;
        Ok(Self {
            child,
            webhook: endpoints.webhook,
            secret_file: endpoints.webhook_secret_file,
            dir,
        })
    }

    /// The ingress alone. Everything is started once before, so that streams and secret exist.
    pub(crate) async fn ingress(programs: &Programs, nats: &str) -> anyhow::Result<Self> {
        let up = Self::up(programs, Some(nats), "").await?;
        let (dir, secret_file) = up.stop_and_keep().await?;
        let address = free_address().await?;
        let mut command = Command::new(&programs.maestro);
        command.args([
            "serve",
            "ingress",
            "--nats",
            nats,
            "--listen",
            &address.to_string(),
        ]);
        command.arg("--data").arg(dir.path());
        let child = Child::start(&mut command, &dir.path().join("ingress.log"))?;
        maestro_testkit::wait_until(LISTENS_WITHIN, async || {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        Ok(Self {
            child,
            webhook: format!("http://{address}/api/v1/webhooks/github"),
            secret_file,
            dir,
        })
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.child.pid()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop_and_keep().await.map(|_| ())
    }

    async fn stop_and_keep(self) -> anyhow::Result<(TempDir, PathBuf)> {
        self.child.stop().await?;
        Ok((self.dir, self.secret_file))
    }
}

fn data_folder() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new()
        .prefix("maestro-bench-")
        .tempdir()?)
}

async fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(listener.local_addr()?)
}
