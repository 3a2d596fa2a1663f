use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use maestro_runtime::private::{self, PostgresOptions};
use tokio::{sync::OnceCell, task::spawn_blocking};
use uuid::Uuid;

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// Removes the folder when the test process is gone, however it ended: the pipe to it closes then.
const REMOVE_AT_EXIT: &str = "cat >/dev/null
n=0
while [ -e \"$1/cluster/data/postmaster.pid\" ] && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
rm -rf \"$1\"";

/// A private Postgres cluster without durability. Its methods panic when it cannot be run.
#[derive(Debug)]
pub struct Postgres {
    server: private::Postgres,
    dir: PathBuf,
}

impl Postgres {
    /// The cluster that all tests of this process share; it ends with the process.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// A cluster of one's own, for tests that stop and start it. It ends with this value, its
    /// folder with the process.
    pub async fn start() -> Self {
        // Root's server runs under another account, which must reach the folder.
        let dir = tempfile::Builder::new()
            .prefix("maestro-postgres-")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder")
            .keep()
            .join("cluster");
        remove_at_exit(&dir);
        let options = PostgresOptions {
            durable: false,
            ..PostgresOptions::default()
        };
        let server = private::Postgres::start(&dir, options).await;
        let server = server.unwrap_or_else(|error| panic!("Postgres: {error}"));
        Self { server, dir }
    }

    /// Creates an empty database and returns its URL.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut create = Command::new(self.server.bin().join("createdb"));
        create
            .arg("--maintenance-db")
            .arg(self.server.url())
            .arg(&name);
        let output = spawn_blocking(move || create.output())
            .await
            .expect("createdb was started");
        let output = output.expect("createdb, which comes with Postgres");
        assert!(
            output.status.success(),
            "createdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.server.database_url(&name)
    }

    /// The cluster's own database.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The folder with `psql` and the other programs of this version.
    #[must_use]
    pub fn bin(&self) -> &Path {
        self.server.bin()
    }

    /// The process id, `None` while the server is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The server's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Kills the server as a crash would; it stays down until `start_again`.
    pub async fn kill9(&mut self) {
        self.server
            .kill()
            .await
            .unwrap_or_else(|error| panic!("Postgres: {error}"));
    }

    /// Stops the server; it stays down until `start_again`.
    pub async fn stop(&mut self) {
        self.server
            .stop()
            .await
            .unwrap_or_else(|error| panic!("Postgres: {error}"));
    }

    /// Starts the server again on the same port and folder.
    pub async fn start_again(&mut self) {
        let url = self.url();
        self.server
            .start_again()
            .await
            .unwrap_or_else(|error| panic!("Postgres: {error}"));
        assert_eq!(
            self.url(),
            url,
            "the port was taken by another program meanwhile"
        );
    }
}

/// Starts the remover. Its pipe stays open for as long as this process lives, also when a test ends
/// while its server is still being made.
fn remove_at_exit(dir: &Path) {
    let parent = dir.parent().expect("inside a temporary folder");
    let remover = Command::new("sh")
        .args(["-c", REMOVE_AT_EXIT, "sh"])
        .arg(parent)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh");
    std::mem::forget(remover);
}
