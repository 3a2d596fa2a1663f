//! The keys that sign checkpoints: one signs, the earlier ones are known by their public halves.

use ed25519_dalek::SigningKey;
use maestro_domain::VaultKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::note::{self, NoteKey};
use crate::{Vault, VaultError, vault::Secret};

/// The keys of one log.
pub struct CheckpointKeys {
    signer: SigningKey,
    active: NoteKey,
    retired: Vec<NoteKey>,
}

/// As the vault holds them.
#[derive(Serialize, Deserialize)]
struct Ring {
    origin: String,
    seed: Secret,
    /// Verifier keys.
    retired: Vec<String>,
}

/// Keys that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointKeysError {
    /// The vault failed.
    #[error("the keys of the log cannot be read from the vault")]
    Vault(#[from] VaultError),
    /// What the vault holds are no keys.
    #[error("the vault does not hold usable keys of the log")]
    Malformed,
    /// Another process changed them at the same moment.
    #[error("the keys of the log were changed by somebody else at the same moment")]
    Raced,
}

impl Vault {
    /// The keys of this log; made where there are none.
    ///
    /// # Errors
    /// See [`CheckpointKeysError`].
    pub async fn checkpoint_keys(&self) -> Result<CheckpointKeys, CheckpointKeysError> {
        if let Some((keys, _)) = self.stored_keys().await? {
            return Ok(keys);
        }
        let origin = format!("maestro.dev/chain/{}", uuid::Uuid::new_v4().simple());
        let fresh = Ring {
            origin,
            seed: Secret::random(),
            retired: Vec::new(),
        };
        // Of several that start at once, one makes them.
        self.put_at(&VaultKey::checkpoint_keys(), &encode(&fresh), 0)
            .await?;
        let (keys, _) = self
            .stored_keys()
            .await?
            .ok_or(CheckpointKeysError::Raced)?;
        Ok(keys)
    }

    /// The public keys of this log, the one that signs now first; none where none were made.
    ///
    /// # Errors
    /// See [`CheckpointKeysError`].
    pub async fn checkpoint_public_keys(&self) -> Result<Vec<NoteKey>, CheckpointKeysError> {
        let stored = self.stored_keys().await?;
        Ok(stored.map_or_else(Vec::new, |(keys, _)| keys.public()))
    }

    /// Replaces the signing key. The one before is known by its public half from now on; it is
    /// handed out to sign for the last time.
    pub(super) async fn rotate_checkpoint_key(
        &self,
    ) -> Result<(CheckpointKeys, CheckpointKeys), CheckpointKeysError> {
        self.checkpoint_keys().await?;
        let (before, seq) = self
            .stored_keys()
            .await?
            .ok_or(CheckpointKeysError::Raced)?;
        let retired = before.public().iter().map(ToString::to_string).collect();
        let ring = Ring {
            origin: before.active.name().to_owned(),
            seed: Secret::random(),
            retired,
        };
        let bytes = encode(&ring);
        if !self
            .put_at(&VaultKey::checkpoint_keys(), &bytes, seq)
            .await?
        {
            return Err(CheckpointKeysError::Raced);
        }
        let after = CheckpointKeys::read(ring).ok_or(CheckpointKeysError::Malformed)?;
        Ok((before, after))
    }

    async fn stored_keys(&self) -> Result<Option<(CheckpointKeys, u64)>, CheckpointKeysError> {
        let Some((bytes, seq)) = self.get_at(&VaultKey::checkpoint_keys()).await? else {
            return Ok(None);
        };
        // The parser's own words could repeat the secret.
        let ring = serde_json::from_slice::<Ring>(&bytes).ok();
        let keys = ring.and_then(CheckpointKeys::read);
        Ok(Some((keys.ok_or(CheckpointKeysError::Malformed)?, seq)))
    }
}

impl CheckpointKeys {
    fn read(ring: Ring) -> Option<Self> {
        let signer = SigningKey::from_bytes(&ring.seed.0);
        let retired: Option<Vec<_>> = ring.retired.iter().map(|key| key.parse().ok()).collect();
        Some(Self {
            active: NoteKey::new(&ring.origin, signer.verifying_key())?,
            retired: retired?,
            signer,
        })
    }

    /// The public keys, the one that signs now first.
    #[must_use]
    pub fn public(&self) -> Vec<NoteKey> {
        let active = std::iter::once(self.active.clone());
        active.chain(self.retired.iter().cloned()).collect()
    }

    /// Name of the log.
    pub(super) fn origin(&self) -> &str {
        self.active.name()
    }

    /// Signs `text` with this key and those of `others`.
    pub(super) fn sign(&self, text: &str, others: &[&Self]) -> String {
        let others = others.iter().map(|keys| &keys.signer);
        let keys: Vec<_> = std::iter::once(&self.signer).chain(others).collect();
        note::sign(self.origin(), text, &keys)
    }
}

fn encode(ring: &Ring) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(serde_json::to_vec(ring).expect("keys are always JSON"))
}

impl std::fmt::Debug for CheckpointKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointKeys")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}
