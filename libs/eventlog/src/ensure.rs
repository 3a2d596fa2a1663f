//! Creates what is missing on the broker and brings the rest up to date.

use async_nats::jetstream::stream::{Config, Info};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::{
    Error, EventLog, Stream,
    broker::code,
    definition::{self, INCARNATION},
};

impl EventLog {
    /// Creates missing streams and buckets and updates existing ones whose definition differs.
    /// Deletes nothing. Several processes may do so at once.
    ///
    /// # Errors
    /// When the broker is away, or an existing stream cannot take the wanted definition.
    pub async fn ensure(&self) -> Result<(), Error> {
        let definitions = definition::all(self.names(), self.replicas());
        futures::future::try_join_all(definitions.into_iter().map(|wanted| self.establish(wanted)))
            .await?;
        Ok(())
    }

    async fn establish(&self, wanted: Config) -> Result<(), Error> {
        let existing = match self.stream_config(&wanted.name).await {
            Ok(existing) => existing,
            Err(Error::NoStream { .. }) => match self.create(wanted.clone()).await {
                Ok(()) => return Ok(()),
                // Another process was faster.
                Err(Error::Refused {
                    code: code::STREAM_NAME_IN_USE,
                    ..
                }) => self.stream_config(&wanted.name).await?,
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        };
        self.update(existing, wanted).await
    }

    async fn stream_config(&self, name: &str) -> Result<Config, Error> {
        let info: Info = self
            .broker()
            .call(&format!("STREAM.INFO.{name}"), Vec::new())
            .await?;
        Ok(info.config)
    }

    async fn create(&self, mut wanted: Config) -> Result<(), Error> {
        let name = wanted.name.clone();
        wanted
            .metadata
            .entry(INCARNATION.to_owned())
            .or_insert_with(|| uuid::Uuid::new_v4().to_string());
        loop {
            let body = json!(wanted).to_string().into_bytes();
            let api = format!("STREAM.CREATE.{name}");
            match self.broker().call::<Info>(&api, body).await {
                Ok(_) => break,
                Err(Error::Refused {
                    code: code::NO_ROOM,
                    ..
                }) if wanted.max_bytes > definition::LEAST_BYTES => {
                    wanted.max_bytes /= 2;
                    tracing::warn!(
                        stream.name = %name, stream.max_bytes = wanted.max_bytes,
                        "the broker's disk is small, keeping less"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        tracing::info!(stream.name = %name, "created a stream");
        Ok(())
    }

    /// Makes an empty stream anew that continues another: with its incarnation, and its first
    /// message at `first_seq`.
    pub(crate) async fn recreate(
        &self,
        stream: Stream,
        incarnation: &str,
        first_seq: u64,
    ) -> Result<(), Error> {
        let name = self.names().stream(stream);
        let api = format!("STREAM.DELETE.{name}");
        match self.broker().call::<IgnoredAny>(&api, Vec::new()).await {
            Ok(_) | Err(Error::NoStream { .. }) => {}
            Err(error) => return Err(error),
        }
        let definitions = definition::all(self.names(), self.replicas());
        for mut wanted in definitions.into_iter().filter(|wanted| wanted.name == name) {
            wanted.first_sequence = Some(first_seq);
            wanted
                .metadata
                .insert(INCARNATION.to_owned(), incarnation.to_owned());
            self.create(wanted).await?;
        }
        Ok(())
    }

    async fn update(&self, existing: Config, wanted: Config) -> Result<(), Error> {
        let merged = merge(&existing, wanted);
        if merged == existing {
            return Ok(());
        }
        let name = merged.name.clone();
        let body = json!(merged).to_string().into_bytes();
        match self
            .broker()
            .call::<Info>(&format!("STREAM.UPDATE.{name}"), body)
            .await
        {
            Ok(_) => {
                tracing::info!(stream.name = %name, "updated a stream");
                Ok(())
            }
            Err(error @ Error::Refused { .. }) => Err(Error::Incompatible {
                stream: name,
                source: Box::new(error),
            }),
            Err(error) => Err(error),
        }
    }
}

/// The existing definition with the fields that this crate decides on as wanted.
fn merge(existing: &Config, wanted: Config) -> Config {
    let mut merged = Config {
        subjects: wanted.subjects,
        retention: wanted.retention,
        storage: wanted.storage,
        max_age: wanted.max_age,
        // A size once given is the operator's to change.
        max_bytes: if existing.max_bytes > 0 && wanted.max_bytes > 0 {
            existing.max_bytes
        } else {
            wanted.max_bytes
        },
        max_messages: wanted.max_messages,
        max_messages_per_subject: wanted.max_messages_per_subject,
        discard: wanted.discard,
        num_replicas: wanted.num_replicas,
        allow_rollup: wanted.allow_rollup,
        deny_delete: wanted.deny_delete,
        deny_purge: wanted.deny_purge,
        duplicate_window: wanted.duplicate_window,
        republish: wanted.republish,
        allow_direct: wanted.allow_direct,
        allow_message_ttl: wanted.allow_message_ttl,
        compression: wanted.compression.or_else(|| existing.compression.clone()),
        ..existing.clone()
    };
    merged
        .metadata
        .entry(INCARNATION.to_owned())
        .or_insert_with(|| uuid::Uuid::new_v4().to_string());
    merged
}
