//! Texts go into the vault before the commit that refers to them is appended.

use std::{collections::HashMap, sync::Mutex};

use maestro_domain::{Digest, VaultKey, sealed::Seal};
use maestro_eventlog::{Vault, VaultError};

/// Keys remembered before the memory starts afresh.
const REMEMBERED: usize = 50_000;

/// Writes seals, leaving out what is known to be there.
pub(crate) struct Seals {
    vault: Vault,
    written: Mutex<HashMap<VaultKey, Digest>>,
}

impl Seals {
    pub(crate) fn new(vault: Vault) -> Self {
        Self {
            vault,
            written: Mutex::default(),
        }
    }

    /// Writes all of them, at once.
    pub(crate) async fn put(&self, seals: &[Seal]) -> Result<(), VaultError> {
        let puts = seals.iter().map(|seal| self.put_one(seal));
        futures::future::try_join_all(puts).await.map(|_| ())
    }

    async fn put_one(&self, seal: &Seal) -> Result<(), VaultError> {
        let digest = Digest::of(&seal.plaintext);
        if self.lock().get(&seal.key) == Some(&digest) {
            return Ok(());
        }
        self.vault.put(&seal.key, &seal.plaintext).await?;
        let mut written = self.lock();
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written.insert(seal.key.clone(), digest);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<VaultKey, Digest>> {
        self.written
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
