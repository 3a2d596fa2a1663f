//! The broker and the database of a command on the log: of a running Maestro, given ones, or the
//! private servers of an installation that is down.

use std::path::{Path, PathBuf};

use clap::Args;
use maestro_eventlog::{EventLog, Settings as Address, Vault, VaultKeys};
use maestro_readmodel::ReadModel;
use maestro_runtime::data_dir;

use crate::{
    cli::{
        endpoints::{ENDPOINTS_FILE, Endpoints},
        failure::{Failure, Kind, chain},
        session::Session,
    },
    settings::Settings,
    up::servers::Servers,
};

/// Where the log and its copy are.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Address of the broker; found in the data folder when left out
    #[arg(long, value_name = "URL", env = "MAESTRO_NATS", hide_env_values = true)]
    nats: Option<String>,
    /// Address of the database; found in the data folder when the broker is
    #[arg(
        long,
        value_name = "URL",
        env = "MAESTRO_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// First word of the deployment's subjects
    #[arg(
        long,
        value_name = "WORD",
        default_value = "maestro",
        env = "MAESTRO_PREFIX"
    )]
    prefix: String,
    /// File with the keys of the vault; the one in the data folder when left out
    #[arg(long, value_name = "FILE", env = "MAESTRO_VAULT_KEYS")]
    vault_keys: Option<PathBuf>,
}

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// A deployment that exists.
    Existing,
    /// A place for one, which may be an empty folder.
    Place,
}

/// An open log.
pub(super) struct Opened {
    pub(super) log: EventLog,
    /// `None`: no database was named.
    pub(super) model: Option<ReadModel>,
    /// `None`: there is no file with keys.
    pub(super) vault: Option<Vault>,
    servers: Option<Servers>,
    _lock: Option<data_dir::Lock>,
}

impl Place {
    /// Opens the log, works with it, and stops what had to be started for it.
    pub(super) async fn with<T>(
        &self,
        session: &Session,
        need: Need,
        work: impl AsyncFnOnce(&Opened) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let keys = self.keys(session)?;
        let mut opened = self.open(session, need).await?;
        opened.vault = keys.map(|keys| opened.log.vault(keys));
        let done = work(&opened).await;
        if let Some(servers) = &mut opened.servers {
            servers.stop().await;
        }
        done
    }

    async fn open(&self, session: &Session, need: Need) -> Result<Opened, Failure> {
        if let Some(nats) = &self.nats {
            return self.connect(nats.clone(), self.database.as_deref()).await;
        }
        let dir = &session.dir;
        let stopped = need == Need::Place || dir.join("nats").exists();
        if dir.join(ENDPOINTS_FILE).exists() || !stopped {
            let Endpoints { nats, postgres, .. } = session.endpoints()?;
            let database = self.database.as_deref().unwrap_or(&postgres);
            return self.connect(nats, Some(database)).await;
        }
        self.start(dir).await
    }

    /// The vault's keys. They are not made here: what they should open exists already.
    fn keys(&self, session: &Session) -> Result<Option<VaultKeys>, Failure> {
        let file = match &self.vault_keys {
            Some(file) => file.clone(),
            None => session.dir.join("keys").join("vault.json"),
        };
        if !file.exists() {
            return match &self.vault_keys {
                Some(_) => Err(Failure::usage(format!("{} does not exist", file.display()))),
                None => Ok(None),
            };
        }
        VaultKeys::load_or_create(&file)
            .map(Some)
            .map_err(|error| Failure::new(Kind::Refused, chain(&error)))
    }

    async fn connect(&self, nats: String, database: Option<&str>) -> Result<Opened, Failure> {
        let address = Address {
            prefix: self.prefix.clone(),
            ..Address::single(nats)
        };
        let log = EventLog::connect(&address).await;
        let log = log.map_err(|error| broker(&error))?;
        let model = database.map(ReadModel::connect).transpose();
        let model = model.map_err(|error| Failure::usage(chain(&error)))?;
        Ok(Opened {
            log,
            model,
            vault: None,
            servers: None,
            _lock: None,
        })
    }

    /// Starts the private servers of an installation that does not run.
    async fn start(&self, dir: &Path) -> Result<Opened, Failure> {
        let lock = data_dir::lock(dir)
            .map_err(|error| Failure::caused("the data folder cannot be used", &error))?;
        eprintln!("Maestro is not running; its broker and database are started for this command");
        let servers = Servers::start(&Settings::default(), dir).await;
        let mut servers =
            servers.map_err(|error| Failure::new(Kind::Failed, format!("{error:#}")))?;
        let (nats, postgres) = (servers.nats.clone(), servers.postgres.clone());
        match self.connect(nats, Some(&postgres)).await {
            Ok(opened) => Ok(Opened {
                servers: Some(servers),
                _lock: Some(lock),
                ..opened
            }),
            Err(failure) => {
                servers.stop().await;
                Err(failure)
            }
        }
    }
}

impl Opened {
    /// The vault, for what cannot be done without.
    pub(super) fn vault(&self) -> Result<&Vault, Failure> {
        self.vault.as_ref().ok_or_else(|| {
            Failure::usage("this needs the vault's keys: name their file with --vault-keys")
        })
    }
}

/// A failure of the broker.
pub(super) fn broker(error: &maestro_eventlog::Error) -> Failure {
    let kind = if error.is_unavailable() {
        Kind::Unavailable
    } else {
        Kind::Failed
    };
    Failure::new(kind, chain(error))
}

/// A failure of the database.
pub(super) fn database(error: &maestro_readmodel::Error) -> Failure {
    let kind = if error.is_unavailable() {
        Kind::Unavailable
    } else {
        Kind::Failed
    };
    Failure::new(kind, chain(error))
}
