//! The secrets that sign webhooks, kept current from the vault.

use std::{sync::Arc, time::Duration};

use maestro_domain::{VaultKey, ids::Provider};
use maestro_eventlog::{Vault, VaultWatch};
use maestro_forge::Secret;
use maestro_runtime::secret::register_secret;
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

/// How long a request waits for the first answer of the vault.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Most secrets tried for one request.
const MAX_SECRETS: usize = 16;

type Known = Option<Arc<[Secret]>>;

/// A provider's active secrets.
#[derive(Debug)]
pub(crate) struct Secrets {
    known: watch::Receiver<Known>,
    watcher: AbortHandle,
}

impl Secrets {
    /// Follows the provider's entry in the vault until dropped.
    pub(crate) fn watch(vault: &Vault, provider: &Provider) -> Self {
        let (sender, known) = watch::channel(None);
        let entry = vault.watch(&VaultKey::webhook_secrets(provider));
        let watcher = tokio::spawn(follow(entry, provider.clone(), sender)).abort_handle();
        Self { known, watcher }
    }

    /// The secrets to try for a request of this hook; `None` while they cannot be read. Every hook
    /// of a provider shares them as yet.
    pub(crate) async fn candidates(&self, _hook_id: Option<&str>) -> Option<Arc<[Secret]>> {
        if let Some(secrets) = self.known.borrow().as_ref() {
            return Some(Arc::clone(secrets));
        }
        let mut known = self.known.clone();
        let first = timeout(FIRST_ANSWER, known.wait_for(Option::is_some)).await;
        first.ok()?.ok()?.clone()
    }

    /// How many are active; `None` while they cannot be read.
    pub(crate) fn active(&self) -> Option<usize> {
        self.known.borrow().as_ref().map(|secrets| secrets.len())
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

async fn follow(mut entry: VaultWatch, provider: Provider, sender: watch::Sender<Known>) {
    loop {
        match entry.next().await {
            Ok(value) => {
                let secrets = read(&provider, value.as_deref().map(Vec::as_slice));
                sender.send_replace(secrets.map(Into::into));
            }
            Err(error) => {
                tracing::error!(%provider, %error, "webhook secrets cannot be read: deliveries are answered 503");
                sender.send_replace(None);
                sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// The secrets of an entry: none when it is missing, `None` when it is not an array of texts.
fn read(provider: &Provider, value: Option<&[u8]>) -> Option<Vec<Secret>> {
    let Some(value) = value else {
        tracing::warn!(%provider, "the vault has no webhook secret: every delivery is refused");
        return Some(Vec::new());
    };
    let Ok(texts) = serde_json::from_slice::<Vec<String>>(value) else {
        tracing::error!(%provider, "the vault's webhook secrets are not a JSON array of texts: deliveries are answered 503");
        return None;
    };
    let mut secrets = Vec::new();
    for text in texts.into_iter().map(Zeroizing::new).take(MAX_SECRETS) {
        register_secret(&text);
        secrets.extend(Secret::new(text.as_bytes()));
    }
    if secrets.is_empty() {
        tracing::warn!(%provider, "no webhook secret is active: every delivery is refused");
    } else {
        tracing::info!(%provider, active = secrets.len(), "webhook secrets read");
    }
    Some(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(value: Option<&str>) -> Option<usize> {
        let provider = "github".parse().unwrap();
        read(&provider, value.map(str::as_bytes)).map(|secrets| secrets.len())
    }

    #[test]
    fn an_entry_is_an_array_of_secrets() {
        assert_eq!(active(Some(r#"["old","new"]"#)), Some(2));
        assert_eq!(active(Some(r#"["","new"]"#)), Some(1));
        assert_eq!(active(Some("[]")), Some(0));
        assert_eq!(active(None), Some(0));
        let many = serde_json::to_string(&vec!["x"; 100]).unwrap();
        assert_eq!(active(Some(&many)), Some(MAX_SECRETS));
    }

    #[test]
    fn another_shape_is_unreadable() {
        for odd in ["", "\"secret\"", "[1]", r#"{"a":"b"}"#] {
            assert_eq!(active(Some(odd)), None, "{odd}");
        }
    }
}
