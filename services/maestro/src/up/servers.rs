//! The broker and the database: private children, or what the settings name.

use std::path::Path;

use maestro_runtime::private::{NatsOptions, NatsServer, Postgres, PostgresOptions};

use crate::settings::Settings;

/// Where they are reached, and the children that have to be stopped.
pub(crate) struct Servers {
    pub(crate) nats: String,
    pub(crate) postgres: String,
    own_nats: Option<NatsServer>,
    own_postgres: Option<Postgres>,
}

impl Servers {
    /// Starts what is not given, both at once.
    pub(crate) async fn start(settings: &Settings, data: &Path) -> anyhow::Result<Self> {
        let (own_nats, own_postgres) =
            tokio::try_join!(start_nats(settings, data), start_postgres(settings, data))?;
        let url = own_nats.as_ref().map(|nats| nats.url().to_owned());
        let database = own_postgres.as_ref().map(Postgres::url);
        Ok(Self {
            nats: url
                .or_else(|| settings.nats.url.clone())
                .unwrap_or_default(),
            postgres: database
                .or_else(|| settings.database.url.clone())
                .unwrap_or_default(),
            own_nats,
            own_postgres,
        })
    }

    /// Stops the children, both at once.
    pub(crate) async fn stop(&mut self) {
        let nats = async {
            if let Some(nats) = &mut self.own_nats
                && let Err(error) = nats.stop().await
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "nats-server did not stop"
                );
            }
        };
        let postgres = async {
            if let Some(postgres) = &mut self.own_postgres
                && let Err(error) = postgres.stop().await
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "Postgres did not stop"
                );
            }
        };
        tokio::join!(nats, postgres);
    }
}

async fn start_nats(settings: &Settings, data: &Path) -> anyhow::Result<Option<NatsServer>> {
    if settings.nats.url.is_some() {
        return Ok(None);
    }
    let options = NatsOptions {
        sync_always: settings.nats.sync_always,
        ..NatsOptions::default()
    };
    Ok(Some(NatsServer::start(&data.join("nats"), options).await?))
}

async fn start_postgres(settings: &Settings, data: &Path) -> anyhow::Result<Option<Postgres>> {
    if settings.database.url.is_some() {
        return Ok(None);
    }
    Ok(Some(
        Postgres::start(&data.join("postgres"), PostgresOptions::default()).await?,
    ))
}
