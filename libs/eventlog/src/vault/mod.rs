//! Secrets, personal data and texts: a key-value bucket whose values are encrypted here.

mod cipher;
mod keys;
mod swap;
mod take;
mod watch;

use async_nats::HeaderMap;
use futures::{StreamExt as _, TryStreamExt as _};
use maestro_domain::VaultKey;
use serde::{Deserialize as _, de::IntoDeserializer as _};
use zeroize::Zeroizing;

pub(crate) use keys::Secret;
pub use keys::{KeysError, VaultKeys};
pub use watch::VaultWatch;

use crate::{
    Error, EventLog,
    broker::ANSWER_WITHIN,
    header,
    names::Bucket,
    reader::{Consumer, Feed, FeedError, Item, Spec, Start},
};

/// Deletions under way at once.
const PARALLEL: usize = 32;
/// How long the mark of a deletion stays for watchers that are away.
const MARK_KEPT: &str = "86400s";

/// A value that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The broker failed.
    #[error("the vault cannot be reached")]
    Broker(#[source] Error),
    /// The value was encrypted under a key that is not in the keys file.
    #[error("the value of {key} needs an encryption key that is not in the keys file")]
    UnknownKey {
        /// Where the value is.
        key: VaultKey,
    },
    /// The value is damaged, moved from another key, or the encryption key is wrong.
    #[error("the value of {key} is not authentic")]
    NotAuthentic {
        /// Where the value is.
        key: VaultKey,
    },
}

impl VaultError {
    /// Whether trying again later can help without anybody doing anything.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Broker(error) if error.is_unavailable())
    }
}

impl From<Error> for VaultError {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

/// The vault. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    log: EventLog,
    keys: VaultKeys,
}

impl EventLog {
    /// The vault, read and written with `keys`.
    #[must_use]
    pub fn vault(&self, keys: VaultKeys) -> Vault {
        Vault {
            log: self.clone(),
            keys,
        }
    }
}

impl Vault {
    /// The key under which texts are digested for the log.
    #[must_use]
    pub fn digest_key(&self) -> maestro_domain::digest::DigestKey {
        self.keys.digest_key()
    }

    /// The keys it works with.
    #[must_use]
    pub const fn keys(&self) -> &VaultKeys {
        &self.keys
    }

    /// Stores a value, replacing the one before.
    ///
    /// # Errors
    /// When the broker is away; the value may be stored all the same.
    pub async fn put(&self, key: &VaultKey, value: &[u8]) -> Result<(), VaultError> {
        let sealed = cipher::seal(&self.keys, key, value);
        let subject = self.subject(key.as_str());
        self.log
            .broker()
            .publish(subject, HeaderMap::new(), sealed.into(), ANSWER_WITHIN)
            .await?;
        Ok(())
    }

    /// The value of a key; `None` where there is none.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub async fn get(&self, key: &VaultKey) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let found = self
            .log
            .broker()
            .last(&self.stream(), &self.subject(key.as_str()))
            .await?;
        let Some(found) = found else { return Ok(None) };
        self.open(key, &Item::from_stored(found))
    }

    /// Deletes a value: nothing of it stays but a mark without content, for a day.
    ///
    /// # Errors
    /// When the broker is away; the value may be deleted all the same.
    pub async fn delete(&self, key: &VaultKey) -> Result<(), VaultError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::KV_OPERATION, "PURGE");
        headers.insert(header::ROLLUP, "sub");
        headers.insert(header::TTL, MARK_KEPT);
        let subject = self.subject(key.as_str());
        self.log
            .broker()
            .publish(subject, headers, bytes::Bytes::new(), ANSWER_WITHIN)
            .await?;
        Ok(())
    }

    /// Deletes every value whose key begins with `prefix` and says how many there were.
    ///
    /// # Errors
    /// When the broker is away; some values may be deleted.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<u64, VaultError> {
        let keys = self.list_prefix(prefix).await?;
        futures::stream::iter(&keys)
            .map(|key| self.delete(key))
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await?;
        Ok(keys.len() as u64)
    }

    /// The keys that begin with `prefix` and have a value, sorted.
    ///
    /// # Errors
    /// When the broker is away.
    pub async fn list_prefix(&self, prefix: &str) -> Result<Vec<VaultKey>, VaultError> {
        if !self.log.connected() {
            return Err(Error::Unavailable.into());
        }
        let listed = tokio::time::timeout(ANSWER_WITHIN * 10, self.list(prefix)).await;
        listed.unwrap_or(Err(Error::Unavailable.into()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<VaultKey>, VaultError> {
        let head = prefix.rfind('.').map_or("", |dot| &prefix[..=dot]);
        let mut feed = self.feed(&format!("{head}>"), true);
        let start = self.subject("").len();
        let mut keys = Vec::new();
        loop {
            feed.open().await.map_err(|error| self.lost(error))?;
            if feed.pending() == Some(0) {
                break;
            }
            let item = feed.next().await.map_err(|error| self.lost(error))?;
            let name = item.subject.get(start..).unwrap_or_default();
            if name.starts_with(prefix) && !deleted(&item) {
                keys.extend(vault_key(name));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn open(&self, key: &VaultKey, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        if deleted(item) {
            return Ok(None);
        }
        cipher::open(&self.keys, key, &item.payload).map(Some)
    }

    fn feed(&self, keys: &str, headers_only: bool) -> Feed {
        let filter = Some(self.subject(keys));
        let consumer = Consumer::Ordered {
            filter,
            headers_only,
        };
        let spec = Spec {
            stream: self.stream(),
            consumer,
        };
        Feed::new(self.log.broker().clone(), spec, Start::All)
    }

    fn lost(&self, _: FeedError) -> VaultError {
        Error::NoStream {
            stream: self.stream(),
        }
        .into()
    }

    fn stream(&self) -> String {
        self.log.names().kv_stream(Bucket::Vault)
    }

    fn subject(&self, key: &str) -> String {
        self.log.names().kv_subject(Bucket::Vault, key)
    }
}

pub(crate) fn deleted(item: &Item) -> bool {
    header::get(&item.headers, header::KV_OPERATION).is_some()
        || header::get(&item.headers, "Nats-Marker-Reason").is_some()
}

fn vault_key(name: &str) -> Option<VaultKey> {
    let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        name.into_deserializer();
    VaultKey::deserialize(name).ok()
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}
