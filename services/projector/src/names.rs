//! Names of repositories and people, from the vault.

use futures::future::BoxFuture;
use maestro_domain::VaultKey;
use maestro_eventlog::Vault;
use maestro_readmodel::{Names, NamesError};

pub(crate) struct VaultNames(Vault);

impl VaultNames {
    pub(crate) const fn new(vault: Vault) -> Self {
        Self(vault)
    }
}

impl Names for VaultNames {
    fn lookup<'a>(
        &'a self,
        key: &'a VaultKey,
    ) -> BoxFuture<'a, Result<Option<String>, NamesError>> {
        Box::pin(async move {
            match self.0.get(key).await {
                Ok(value) => Ok(value.map(|text| String::from_utf8_lossy(&text).into_owned())),
                Err(error) if error.is_unavailable() => Err(NamesError(error.to_string())),
                Err(error) => {
                    // A name that cannot be read is shown as erased; it must not stop the others.
                    tracing::error!(vault.key = %key, %error, "a name in the vault cannot be read");
                    metrics::counter!("maestro_projection_names_unreadable_total").increment(1);
                    Ok(None)
                }
            }
        })
    }
}
