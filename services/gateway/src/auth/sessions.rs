//! Sign-in by one-time code and the sessions that follow. Only digests of codes and tokens are
//! stored, so the vault's content lets nobody in.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use maestro_domain::{Digest, Timestamp, UserId, VaultKey};
use maestro_eventlog::{Vault, VaultError};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Secret,
    identity::{Identity, LiveSession, OPERATOR},
};

/// Name of the cookie that carries a session's token.
pub const SESSION_COOKIE: &str = "maestro_session";
/// How long a session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// How long a one-time login code is good for.
pub const CODE_LIFETIME: Duration = Duration::from_secs(600);
/// How long a session read from the vault is believed without asking again.
const FRESH: Duration = Duration::from_secs(10);
/// How often a long stream asks whether its session still stands.
const RECHECK: Duration = Duration::from_secs(15);

/// Tells the time; injected so that expiry can be tested.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The sessions of everyone signed in.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Inner>);

struct Inner {
    vault: Vault,
    clock: Clock,
    known: Mutex<HashMap<Digest, Known>>,
    /// Counts sessions ended here, so that a read which crossed an end is not remembered.
    endings: AtomicU64,
}

/// A session as last read from the vault.
struct Known {
    record: Record,
    read_at: Instant,
    ended: CancellationToken,
}

/// What the vault holds of a session or a login code.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Record {
    user: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Record {
    fn new(user: UserId, now: Timestamp, lifetime: Duration) -> Self {
        Self {
            user,
            created_at: now,
            expires_at: now.after(lifetime),
        }
    }
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record is always JSON")
    }
    /// `None` for anything else than a record that has not expired.
    fn read(bytes: &[u8], now: Timestamp) -> Option<Self> {
        serde_json::from_slice(bytes)
            .ok()
            .filter(|record: &Self| now < record.expires_at)
    }
}

/// A one-time login code.
pub(crate) struct Issued {
    pub(crate) code: Secret,
    pub(crate) expires_at: Timestamp,
}

/// Stores a fresh login code for the operator.
pub(crate) async fn issue(vault: &Vault, now: Timestamp) -> Result<Issued, VaultError> {
    let code = Secret::random();
    let record = Record::new(OPERATOR, now, CODE_LIFETIME);
    vault
        .put(&VaultKey::login_code(&code.digest()), &record.encode())
        .await?;
    Ok(Issued {
        code,
        expires_at: record.expires_at,
    })
}

impl Sessions {
    pub(crate) fn new(vault: Vault, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            vault,
            clock,
            known: Mutex::default(),
            endings: AtomicU64::new(0),
        }))
    }

    /// Makes a one-time login code for the operator, good for [`CODE_LIFETIME`]. Whoever holds it
    /// signs in: show it to the operator only.
    pub(crate) async fn issue(&self) -> Result<Issued, VaultError> {
        issue(&self.0.vault, (self.0.clock)()).await
    }

    /// Exchanges a login code for the token of a new session; `None` when the code is unknown,
    /// used or expired. A code works once, however many ask at the same time.
    ///
    /// # Errors
    /// When the vault cannot be reached; the code may be used up then.
    pub(crate) async fn redeem(&self, code: &Secret) -> Result<Option<Secret>, VaultError> {
        let now = (self.0.clock)();
        let taken = self
            .0
            .vault
            .take(&VaultKey::login_code(&code.digest()))
            .await?;
        let Some(grant) = taken.and_then(|bytes| Record::read(&bytes, now)) else {
            return Ok(None);
        };
        let token = Secret::random();
        let record = Record::new(grant.user, now, SESSION_LIFETIME);
        self.0
            .vault
            .put(&VaultKey::session(&token.digest()), &record.encode())
            .await?;
        self.remember(token.digest(), record);
        self.sweep(now).await;
        Ok(Some(token))
    }

    /// Whose session this is; `None` when there is none or it has ended. While the vault is away,
    /// sessions seen before stay good: nobody can end one then either.
    ///
    /// # Errors
    /// When the vault cannot be read and the session was never seen.
    pub(crate) async fn resolve(&self, token: Digest) -> Result<Option<Identity>, VaultError> {
        let now = (self.0.clock)();
        let known = self
            .known()
            .get(&token)
            .map(|known| (known.identity(token), known.read_at));
        if let Some((identity, read_at)) = &known
            && read_at.elapsed() < FRESH
            && now < identity.expires_at()
        {
            return Ok(Some(identity.clone()));
        }
        let endings = self.0.endings.load(Ordering::SeqCst);
        let record = match self.0.vault.get(&VaultKey::session(&token)).await {
            Ok(stored) => stored.and_then(|bytes| Record::read(&bytes, now)),
            Err(error) => match known {
                Some((identity, _)) if now < identity.expires_at() => return Ok(Some(identity)),
                _ => return Err(error),
            },
        };
        let Some(record) = record else {
            self.forget(token);
            return Ok(None);
        };
        if self.0.endings.load(Ordering::SeqCst) != endings {
            // Some session was ended while this one was read: do not believe the copy for long.
            return Ok(Some(Known::fresh(record).identity(token)));
        }
        Ok(Some(self.remember(token, record)))
    }

    /// Ends a session: at once for this gateway, within 15 s for others.
    ///
    /// # Errors
    /// When the vault cannot be written; the session then stands.
    pub(crate) async fn end(&self, token: Digest) -> Result<(), VaultError> {
        self.0.vault.delete(&VaultKey::session(&token)).await?;
        self.0.endings.fetch_add(1, Ordering::SeqCst);
        self.forget(token);
        Ok(())
    }

    /// Waits until whoever made a request has no session any more. Never for a bearer token.
    pub(crate) async fn ended(&self, identity: &Identity) {
        let Some(session) = &identity.session else {
            return std::future::pending().await;
        };
        loop {
            let left = session.expires_at.since((self.0.clock)());
            tokio::select! {
                () = session.ended.cancelled() => return,
                () = sleep(left.min(RECHECK)) => {}
            }
            if let Ok(None) = self.resolve(session.token).await {
                return;
            }
        }
    }

    /// Deletes what has expired. Failure is harmless: expired entries let nobody in.
    async fn sweep(&self, now: Timestamp) {
        for prefix in ["session.", "login."] {
            if let Err(error) = self.sweep_prefix(prefix, now).await {
                tracing::warn!(%error, prefix, "expired sign-ins could not be deleted");
            }
        }
    }

    async fn sweep_prefix(&self, prefix: &str, now: Timestamp) -> Result<(), VaultError> {
        for key in self.0.vault.list_prefix(prefix).await? {
            let stored = self.0.vault.get(&key).await?;
            if stored.is_some_and(|bytes| Record::read(&bytes, now).is_none()) {
                self.0.vault.delete(&key).await?;
            }
        }
        self.known()
            .retain(|_, known| now < known.record.expires_at);
        Ok(())
    }

    fn remember(&self, token: Digest, record: Record) -> Identity {
        let mut known = self.known();
        let mut entry = Known::fresh(record);
        if let Some(old) = known.remove(&token) {
            entry.ended = old.ended;
        }
        let identity = entry.identity(token);
        known.insert(token, entry);
        identity
    }

    fn forget(&self, token: Digest) {
        if let Some(known) = self.known().remove(&token) {
            known.ended.cancel();
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Digest, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn fresh(record: Record) -> Self {
        Self {
            record,
            read_at: Instant::now(),
            ended: CancellationToken::new(),
        }
    }

    fn identity(&self, token: Digest) -> Identity {
        let session = LiveSession {
            token,
            expires_at: self.record.expires_at,
            ended: self.ended.clone(),
        };
        Identity {
            user: self.record.user,
            session: Some(session),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
