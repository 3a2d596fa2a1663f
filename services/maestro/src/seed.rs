//! What a deployment needs before its first delivery: the webhook secret, the default project, its
//! stack and its slots. Doing it again changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use maestro_domain::{
    Command, Digest, Name, ProjectId, Provider, RepositoryRef, Stack, VaultKey,
    command::{Actor, CommandMessage},
    sealed::Seal,
};
use maestro_eventlog::{EventLog, Stream, Vault};
use rand::Rng as _;
use uuid::Uuid;

use crate::{files::write_private, settings::Project};

const DEFAULT_STACK: &str = include_str!("up/default-stack.yaml");
const DEMO_STACK: &str = include_str!("up/demo-stack.yaml");

/// Namespace of the ids of seeded projects.
const PROJECTS: Uuid = Uuid::from_u128(0x6d61_6573_7472_6f2e_7072_6f6a_0000_0001);

/// How long a seeding command waits for a conductor, one try at a time.
const TRY: Duration = Duration::from_secs(2);
const TRIES: u32 = 30;

/// The file with the webhook secret; a random one is made when it is missing.
pub(crate) fn webhook_secret_file(data: &Path) -> anyhow::Result<PathBuf> {
    let path = data.join("webhook_secret");
    if !path.exists() {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        write_private(&path, hex::encode(bytes).as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(path)
}

/// Makes the secrets of the file (one a line) the active ones.
pub(crate) async fn webhook_secrets(vault: &Vault, file: &Path) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let secrets: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if secrets.is_empty() {
        bail!("{} holds no secret: write one a line", file.display());
    }
    secrets
        .iter()
        .for_each(|secret| maestro_runtime::secret::register_secret(secret));
    let github: Provider = "github".parse()?;
    let key = VaultKey::webhook_secrets(&github);
    let wanted = serde_json::to_vec(&secrets)?;
    if vault
        .get(&key)
        .await?
        .is_none_or(|present| **present != *wanted)
    {
        vault.put(&key, &wanted).await?;
    }
    Ok(())
}

/// A project as it should be.
pub(crate) struct Seed {
    slug: Name,
    stack: String,
    slots: u32,
    repositories: Vec<u64>,
}

impl Seed {
    /// The default project from the settings.
    pub(crate) fn default_project(settings: &Project) -> anyhow::Result<Self> {
        let stack = match &settings.stack {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("cannot read the stack {}", file.display()))?,
            None => DEFAULT_STACK.to_owned(),
        };
        Stack::parse(&stack).map_err(|error| match &settings.stack {
            Some(file) => anyhow::anyhow!("{}: {error}", file.display()),
            None => anyhow::anyhow!("the built-in stack: {error}"),
        })?;
        let slug = "default".parse()?;
        Ok(Self {
            slug,
            stack,
            slots: settings.slots,
            repositories: Vec::new(),
        })
    }

    /// The demo's project with these GitHub repositories.
    pub(crate) fn demo(repositories: Vec<u64>) -> anyhow::Result<Self> {
        Ok(Self {
            slug: "demo".parse()?,
            stack: DEMO_STACK.to_owned(),
            slots: 4,
            repositories,
        })
    }

    fn project(&self) -> ProjectId {
        ProjectId::new(Uuid::new_v5(&PROJECTS, self.slug.as_str().as_bytes()))
    }

    /// Makes the project so, unless `marker` (a file) says that it is so in this very log.
    pub(crate) async fn apply(
        &self,
        log: &EventLog,
        vault: &Vault,
        data: &Path,
    ) -> anyhow::Result<()> {
        let wanted = self.fingerprint(&log.stream_state(Stream::Events).await?.incarnation);
        let marker = data.join(format!("seeded-{}", self.slug));
        if fs::read_to_string(&marker).is_ok_and(|present| present == wanted) {
            return Ok(());
        }
        let digest = Digest::of(self.stack.as_bytes());
        let stack = Seal {
            key: VaultKey::stack(&digest),
            plaintext: self.stack.clone().into_bytes(),
        };
        let document = stack.reference(&vault.digest_key());
        vault.put(&stack.key, &stack.plaintext).await?;
        let project = self.project();
        submit(
            log,
            Command::CreateProject {
                project,
                slug: self.slug.clone(),
            },
        )
        .await?;
        let pool = "default".parse()?;
        submit(
            log,
            Command::ResizePool {
                project,
                pool,
                size: self.slots,
            },
        )
        .await?;
        submit(
            log,
            Command::SetStack {
                project,
                digest,
                document,
            },
        )
        .await?;
        for id in &self.repositories {
            let repository = RepositoryRef {
                provider: "github".parse()?,
                id: *id,
            };
            submit(
                log,
                Command::AttachRepository {
                    project,
                    repository,
                },
            )
            .await?;
        }
        write_private(&marker, wanted.as_bytes())
            .with_context(|| format!("cannot write {}", marker.display()))
    }

    fn fingerprint(&self, incarnation: &str) -> String {
        let mut parts = vec![
            incarnation.to_owned(),
            self.stack.clone(),
            self.slots.to_string(),
        ];
        parts.extend(self.repositories.iter().map(u64::to_string));
        let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        Digest::of_parts(&parts).to_string()
    }
}

/// Sends one command until a conductor has decided it.
async fn submit(log: &EventLog, command: Command) -> anyhow::Result<()> {
    let key = format!("seed-{}", Uuid::new_v4().simple()).parse()?;
    let actor = Actor::System("bootstrap".parse()?);
    let message = CommandMessage {
        key,
        actor,
        reason: None,
        command,
    };
    for _ in 0..TRIES {
        match log.submit(&message, None, TRY).await {
            Ok(outcome) => match outcome.rejection {
                None => return Ok(()),
                Some(rejection) => bail!("{rejection}"),
            },
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "not yet"),
        }
    }
    bail!("no conductor answered within a minute; look at its log, or start one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_stacks_are_stacks() {
        for text in [DEFAULT_STACK, DEMO_STACK] {
            Stack::parse(text).expect("a built-in stack parses");
        }
    }
}
