//! Stacks by digest, loaded from the vault before a delivery is decided.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use maestro_domain::{Digest, Stack, State, VaultKey, core::Stacks};
use maestro_eventlog::Vault;

use crate::error::Error;

/// The stacks that projects refer to now. A digest whose text is gone or no stack is remembered as
/// such.
#[derive(Default)]
pub(crate) struct StackCache {
    loaded: HashMap<Digest, Option<Arc<Stack>>>,
}

impl StackCache {
    /// Loads what is missing.
    pub(crate) async fn refresh(&mut self, state: &State, vault: &Vault) -> Result<(), Error> {
        for digest in state.projects.values().filter_map(|project| project.stack) {
            if let Entry::Vacant(entry) = self.loaded.entry(digest) {
                entry.insert(load(&digest, vault).await?);
            }
        }
        Ok(())
    }
}

impl Stacks for StackCache {
    fn stack(&self, digest: &Digest) -> Option<Arc<Stack>> {
        self.loaded.get(digest).cloned().flatten()
    }
}

async fn load(digest: &Digest, vault: &Vault) -> Result<Option<Arc<Stack>>, Error> {
    let Some(text) = vault.get(&VaultKey::stack(digest)).await? else {
        tracing::error!(stack.digest = %digest, "the vault has no such stack");
        return Ok(None);
    };
    if Digest::of(&text) != *digest {
        tracing::error!(stack.digest = %digest, "the stack in the vault is another one");
        return Ok(None);
    }
    let stack = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| Stack::parse(text).ok());
    if stack.is_none() {
        tracing::error!(stack.digest = %digest, "the stack cannot be parsed by this build");
    }
    Ok(stack.map(Arc::new))
}
