//! Whether this process can do its work, and if not, why.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::Serialize;
use tokio::{task::JoinSet, time::timeout};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;
type Question = Arc<dyn Fn() -> Answer + Send + Sync>;

/// The named checks of a process; clones share them.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<RwLock<BTreeMap<String, Check>>>,
}

#[derive(Clone)]
enum Check {
    Pushed { ok: bool, detail: String },
    Asked(Question),
}

/// The answer to `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether every check passed.
    pub ready: bool,
    /// Each check, by name.
    pub checks: Vec<CheckResult>,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CheckResult {
    /// What was checked.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// What was found, or why it failed. Never a secret.
    pub detail: String,
}

/// Reports for one named check. The check disappears when the last clone of it is dropped.
#[derive(Debug, Clone)]
pub struct Reporter {
    entry: Arc<Entry>,
}

struct Entry {
    health: Health,
    name: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Health")
    }
}

impl Health {
    /// Without checks: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check that its owner reports for; it fails as `starting` until it first does.
    #[must_use]
    pub fn reporter(&self, name: &str) -> Reporter {
        self.insert(
            name,
            Check::Pushed {
                ok: false,
                detail: "starting".to_owned(),
            },
        );
        let entry = Entry {
            health: self.clone(),
            name: name.to_owned(),
        };
        Reporter {
            entry: Arc::new(entry),
        }
    }

    /// Adds a check that is asked each time; one that does not answer within two seconds fails.
    /// `Ok` and `Err` carry the detail.
    pub fn ask<F, Fut>(&self, name: &str, question: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, String>> + Send + 'static,
    {
        self.insert(name, Check::Asked(Arc::new(move || Box::pin(question()))));
    }

    /// Asks every check, all at once.
    pub async fn readiness(&self) -> Readiness {
        self.readiness_within(ANSWER_WITHIN).await
    }

    async fn readiness_within(&self, limit: Duration) -> Readiness {
        let checks = self
            .checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut results = Vec::new();
        let mut asked = JoinSet::new();
        for (name, check) in checks {
            match check {
                Check::Pushed { ok, detail } => results.push(CheckResult { name, ok, detail }),
                Check::Asked(question) => {
                    asked.spawn(answer(name, question, limit));
                }
            }
        }
        results.extend(asked.join_all().await);
        results.sort();
        Readiness {
            ready: results.iter().all(|check| check.ok),
            checks: results,
        }
    }

    fn insert(&self, name: &str, check: Check) {
        let mut checks = self.checks.write().unwrap_or_else(PoisonError::into_inner);
        checks.insert(name.to_owned(), check);
    }
}

impl Reporter {
    /// The check passes.
    pub fn pass(&self, detail: impl Into<String>) {
        self.report(true, detail.into());
    }

    /// The check fails.
    pub fn fail(&self, detail: impl Into<String>) {
        self.report(false, detail.into());
    }

    fn report(&self, ok: bool, detail: String) {
        self.entry
            .health
            .insert(&self.entry.name, Check::Pushed { ok, detail });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut checks = self
            .health
            .checks
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        checks.remove(&self.name);
    }
}

async fn answer(name: String, question: Question, limit: Duration) -> CheckResult {
    let answered = timeout(limit, question()).await;
    let result = answered.unwrap_or_else(|_| Err(format!("no answer within {limit:?}")));
    let ok = result.is_ok();
    let (Ok(detail) | Err(detail)) = result;
    CheckResult { name, ok, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_failing_check_makes_the_process_unready_and_is_named() {
        let health = Health::new();
        assert!(health.readiness().await.ready);
        let projector = health.reporter("projector");
        health.ask("broker", async || Ok("1 ms".to_owned()));
        let found = health.readiness().await;
        assert_eq!(
            (found.ready, found.checks[1].detail.as_str()),
            (false, "starting")
        );
        projector.pass("caught up");
        assert!(health.readiness().await.ready);
        projector.fail("gap at 17");
        let json = serde_json::to_value(health.readiness().await).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"ready": false, "checks": [
                {"name": "broker", "ok": true, "detail": "1 ms"},
                {"name": "projector", "ok": false, "detail": "gap at 17"},
            ]})
        );
        drop(projector);
        assert!(health.readiness().await.ready);
    }

    #[tokio::test]
    async fn a_check_that_hangs_fails() {
        let health = Health::new();
        health.ask("stuck", std::future::pending);
        let found = health.readiness_within(Duration::from_millis(5)).await;
        assert_eq!(found.checks[0].detail, "no answer within 5ms");
        assert!(!found.ready);
    }
}
