//! Follows one value of the vault.

use maestro_domain::VaultKey;
use zeroize::Zeroizing;

use super::{Vault, VaultError};
use crate::reader::Feed;

/// The value of one key now and whenever it changes.
pub struct VaultWatch {
    vault: Vault,
    key: VaultKey,
    feed: Feed,
    /// Whether the current value was handed out.
    started: bool,
}

impl Vault {
    /// Follows a value: the current one first (`None` where there is none), then every change.
    /// Goes on over restarts of the broker; of several changes while it was away the last one
    /// comes.
    #[must_use]
    pub fn watch(&self, key: &VaultKey) -> VaultWatch {
        VaultWatch {
            vault: self.clone(),
            key: key.clone(),
            feed: self.feed(key.as_str(), false),
            started: false,
        }
    }
}

impl VaultWatch {
    /// Waits for the next value, for ever if need be. May be cancelled without losing one.
    ///
    /// # Errors
    /// When the value cannot be decrypted, or the bucket is missing; the watch stays usable.
    pub async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        if !self.started {
            self.feed
                .open()
                .await
                .map_err(|error| self.vault.lost(error))?;
            if self.feed.pending() == Some(0) {
                self.started = true;
                return Ok(None);
            }
        }
        let item = self
            .feed
            .next()
            .await
            .map_err(|error| self.vault.lost(error))?;
        self.started = true;
        self.vault.open(&self.key, &item)
    }
}

impl std::fmt::Debug for VaultWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultWatch")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
