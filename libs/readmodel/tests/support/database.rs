use std::sync::Arc;

use maestro_domain::{PersonRef, RepositoryRef, VaultKey};
use maestro_readmodel::{Health, Job, JobKind, Progress, ReadModel, Rebuilder, Runner};
use maestro_testkit::{Postgres, wait_until};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::{sync::watch, task::JoinHandle};

use super::{Log, SOON, Vault};

/// A fresh database with the migrations applied.
pub struct Database {
    pub model: ReadModel,
    pub pool: PgPool,
    pub url: String,
    pub vault: Arc<Vault>,
}

impl Database {
    pub async fn new() -> Self {
        Self::at(Postgres::shared().await.database().await).await
    }

    pub async fn at(url: String) -> Self {
        let model = ReadModel::connect(&url).unwrap();
        model.migrate().await.unwrap();
        let pool = PgPool::connect_lazy(&url).unwrap();
        let vault = Arc::new(Vault::default());
        let provider: maestro_domain::Provider = "github".parse().unwrap();
        for (id, name) in [(40, "acme/shop"), (41, "Acme/Till"), (42, "acme/depot")] {
            let repository = RepositoryRef {
                provider: provider.clone(),
                id,
            };
            vault.put(VaultKey::repository_name(&repository), name);
        }
        vault.put(
            VaultKey::person_login(&PersonRef { provider, id: 7 }),
            "octocat",
        );
        Self {
            model,
            pool,
            url,
            vault,
        }
    }

    /// Runs every projection on `log`.
    pub fn follow(&self, log: &Log) -> Running {
        let names = Arc::clone(&self.vault);
        Running::new(self.model.runners(&log.source(), names))
    }

    /// Who does jobs beside the live rows, reading `log`.
    pub fn rebuilder(&self, log: &Log) -> Rebuilder {
        let names = Arc::clone(&self.vault);
        self.model.rebuilder(&log.source(), names)
    }

    /// Does jobs until it is dropped.
    pub fn work(&self, log: &Log) -> Working {
        let rebuilder = self.rebuilder(log);
        Working(tokio::spawn(async move {
            rebuilder.run().await;
        }))
    }

    pub async fn job(&self, projection: &str, kind: JobKind) -> Option<Job> {
        let jobs = self.model.jobs().await.unwrap();
        let mut jobs = jobs.into_iter();
        jobs.find(|job| job.projection == projection && job.kind == kind)
    }

    /// The job once it is over.
    pub async fn over(&self, projection: &str, kind: JobKind) -> Job {
        wait_until(SOON, || async {
            let job = self.job(projection, kind).await;
            job.is_some_and(|job| job.state.is_over())
        })
        .await;
        self.job(projection, kind).await.unwrap()
    }

    /// The answer to `sql` as text.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Projects all of `log` and returns once every projection is at `last`.
    pub async fn project(&self, log: &Log, last: u64) {
        let running = self.follow(log);
        running.reach(last).await;
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

/// A rebuilder at work; dropping it is what a crash is to the database.
pub struct Working(JoinHandle<()>);

impl Working {
    /// Ends it and waits until it is gone.
    pub async fn crash(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runners at work; they end with this value.
pub struct Running {
    pub progress: Vec<(&'static str, watch::Receiver<Progress>)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    fn new(runners: Vec<Runner>) -> Self {
        let progress = runners
            .iter()
            .map(|runner| (runner.name(), runner.progress()))
            .collect();
        let tasks = runners
            .into_iter()
            .map(|runner| {
                tokio::spawn(async move {
                    runner.run().await;
                })
            })
            .collect();
        Self { progress, tasks }
    }

    pub async fn reach(&self, revision: u64) {
        for (name, _) in &self.progress {
            self.reach_one(name, revision).await;
        }
    }

    pub async fn reach_one(&self, name: &str, revision: u64) {
        wait_until(SOON, || async { self.of(name).revision >= revision }).await;
    }

    pub fn of(&self, name: &str) -> Progress {
        let found = self
            .progress
            .iter()
            .find(|(other, _)| *other == name)
            .unwrap();
        found.1.borrow().clone()
    }

    /// Why projection `name` stopped, once it has.
    pub async fn stopped(&self, name: &str) -> String {
        wait_until(SOON, || async {
            matches!(self.of(name).health, Health::Stopped(_))
        })
        .await;
        let Health::Stopped(why) = self.of(name).health else {
            unreachable!()
        };
        why
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Every row of every projection, as text, in a stable order.
pub async fn dump(pool: &PgPool) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "journal",
        "deliveries",
        "runs",
        "run_timeline",
        "run_attempts",
        "slot_projects",
        "slot_pools",
        "slot_leases",
        "slot_runs",
        "slot_executors",
    ] {
        let sql =
            format!("select '{table} ' || to_jsonb(t)::text as row from {table} t order by 1");
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(pool)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}
