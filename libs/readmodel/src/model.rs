//! The connection to Postgres and what stands on it.

use std::{future::Future, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    changes::Changes,
    error::Error,
    listener::Hub,
    names::{NameCache, Names},
    projections,
    rebuild::Rebuilder,
    runner::Runner,
    source::CommitSource,
};

/// How long a query waits for a connection before Postgres counts as away.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long a query may take as seen from here; Postgres itself gives up after 5 s.
const QUERY: Duration = Duration::from_secs(6);
/// Connections for queries at most.
const QUERY_CONNECTIONS: u32 = 16;
/// Connections for projections at most, beyond one for each.
const SPARE_CONNECTIONS: u32 = 2;

/// The read models. Cheap to clone.
#[derive(Clone)]
pub struct ReadModel {
    inner: Arc<Inner>,
}

struct Inner {
    queries: PgPool,
    writes: PgPool,
    /// For the connections of jobs beside the live rows.
    jobs: PgConnectOptions,
    hub: Hub,
}

impl ReadModel {
    /// Prepares the connection; nothing is opened before it is needed, and an absent or restarting
    /// Postgres only makes calls fail until it is back. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Url`] when `url` is not `postgres://user:password@host:port/name`.
    pub fn connect(url: &str) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?;
        let pool = |size: u32, options: PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(ACQUIRE)
                .connect_lazy_with(options)
        };
        // Filters are optional, so a plan must be made for the values asked for, not for all.
        let queries = options
            .clone()
            .application_name("maestro-queries")
            .options([
                ("default_transaction_read_only", "on"),
                ("plan_cache_mode", "force_custom_plan"),
                ("statement_timeout", "5s"),
            ]);
        // Rows and checkpoint are derived and lost together, so nobody waits for the disk.
        let writes = options
            .clone()
            .application_name("maestro-projector")
            .options([("synchronous_commit", "off")]);
        let jobs = writes.clone().application_name("maestro-rebuild");
        let projections = u32::try_from(projections::all().len()).unwrap_or(u32::MAX);
        let queries = pool(QUERY_CONNECTIONS, queries);
        let listener = pool(1, options.application_name("maestro-changes"));
        Ok(Self {
            inner: Arc::new(Inner {
                hub: Hub::new(listener, queries.clone()),
                writes: pool(projections + SPARE_CONNECTIONS, writes),
                queries,
                jobs,
            }),
        })
    }

    /// Applies the migrations that are missing. Several processes may do it at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away, [`Error::Migrate`] when a migration fails or
    /// was changed after it was applied.
    pub async fn migrate(&self) -> Result<(), Error> {
        Ok(sqlx::migrate!("../../migrations")
            .run(&self.inner.writes)
            .await?)
    }

    /// A runner for each projection, reading from `source` and resolving texts through `names`.
    #[must_use]
    pub fn runners(&self, source: &Arc<dyn CommitSource>, names: Arc<dyn Names>) -> Vec<Runner> {
        let names = Arc::new(NameCache::new(names));
        projections::all()
            .into_iter()
            .map(|projection| {
                let pool = self.inner.writes.clone();
                Runner::new(pool, projection, Arc::clone(source), Arc::clone(&names))
            })
            .collect()
    }

    /// Who builds rows beside the live ones, reading from `source` and resolving texts through
    /// `names`.
    #[must_use]
    pub fn rebuilder(&self, source: &Arc<dyn CommitSource>, names: Arc<dyn Names>) -> Rebuilder {
        Rebuilder::new(
            self.inner.writes.clone(),
            self.inner.jobs.clone(),
            Arc::clone(source),
            Arc::new(NameCache::new(names)),
        )
    }

    /// Changes of the read models from now on, as they are committed, also by other processes.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.inner.hub.changes()
    }

    /// Waits until `projection` holds `revision`, so that a reader sees its own write.
    ///
    /// # Errors
    /// [`Error::Behind`] when it does not within `timeout`; [`Error::Unavailable`] when Postgres
    /// does not say.
    pub async fn wait_for(
        &self,
        projection: &str,
        revision: u64,
        timeout: Duration,
    ) -> Result<(), Error> {
        if revision == 0 || self.inner.hub.reached(projection, revision, timeout).await {
            return Ok(());
        }
        let reached = self.revision(projection).await?;
        if reached >= revision {
            return Ok(());
        }
        Err(Error::Behind {
            projection: projection.to_owned(),
            wanted: revision,
            reached,
        })
    }

    pub(crate) fn writes(&self) -> &PgPool {
        &self.inner.writes
    }

    pub(crate) fn queries(&self) -> &PgPool {
        &self.inner.queries
    }
}

/// Runs a query that must not take for ever, even over a connection that went silent.
pub(crate) async fn bounded<T>(
    query: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(QUERY, query).await {
        Ok(result) => Ok(result?),
        Err(elapsed) => Err(Error::Unavailable(Box::new(elapsed))),
    }
}
