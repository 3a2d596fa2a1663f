//! Names of repositories and people: they live in the vault, read models show them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use maestro_domain::VaultKey;
use tokio::time::Instant;

/// Looks texts up in the vault. The projector service implements it.
pub trait Names: Send + Sync {
    /// The text under `key`; `None` when it was erased or cannot be read.
    ///
    /// # Errors
    /// When the vault does not answer; the caller tries again later.
    fn lookup<'a>(&'a self, key: &'a VaultKey)
    -> BoxFuture<'a, Result<Option<String>, NamesError>>;
}

/// The vault does not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the vault does not answer: {0}")]
pub struct NamesError(pub String);

/// Texts of a batch, by where they are in the vault.
#[derive(Debug, Clone, Default)]
pub struct Texts(HashMap<VaultKey, String>);

impl Texts {
    /// The text under `key`, without what Postgres cannot hold.
    #[must_use]
    pub fn get(&self, key: &VaultKey) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

/// How long a text is believed without asking again.
const FRESH: Duration = Duration::from_secs(60);
/// Texts kept at most.
const CAPACITY: usize = 10_000;
/// Lookups in flight at most.
const CONCURRENT: usize = 32;

/// A bounded memory in front of [`Names`], shared by all projections.
pub(crate) struct NameCache {
    names: Arc<dyn Names>,
    known: Mutex<HashMap<VaultKey, (Instant, Option<String>)>>,
}

impl NameCache {
    pub(crate) fn new(names: Arc<dyn Names>) -> Self {
        Self {
            names,
            known: Mutex::default(),
        }
    }

    /// Looks up all `keys`.
    pub(crate) async fn resolve(&self, keys: BTreeSet<VaultKey>) -> Result<Texts, NamesError> {
        let now = Instant::now();
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for key in keys {
                match known.get(&key) {
                    Some((since, text)) if now - *since < FRESH => {
                        found.insert(key, text.clone());
                    }
                    _ => unknown.push(key),
                }
            }
        }
        let fetched: Vec<_> = stream::iter(unknown)
            .map(|key| self.fetch(key))
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await?;
        self.remember(now, &fetched);
        found.extend(fetched);
        Ok(Texts(
            found
                .into_iter()
                .filter_map(|(key, text)| Some((key, text?)))
                .collect(),
        ))
    }

    async fn fetch(&self, key: VaultKey) -> Result<(VaultKey, Option<String>), NamesError> {
        let text = self
            .names
            .lookup(&key)
            .await?
            .map(|text| text.replace('\0', ""));
        Ok((key, text))
    }

    fn remember(&self, now: Instant, fetched: &[(VaultKey, Option<String>)]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + fetched.len() > CAPACITY {
            known.clear();
        }
        known.extend(
            fetched
                .iter()
                .map(|(key, text)| (key.clone(), (now, text.clone()))),
        );
    }
}
