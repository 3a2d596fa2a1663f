//! Bodies too long for a message, in the object store.

use std::{io, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::object_store::{DeleteErrorKind, GetErrorKind, Object, ObjectMetadata, ObjectStore},
};
use bytes::Bytes;
use maestro_domain::Digest;
use tokio::io::AsyncReadExt as _;

use crate::{DecodeError, Error, EventLog, header, names::Bucket};

/// Longest payload that stands in a message, where the broker accepts that much.
const INLINE_BYTES: usize = 1 << 20;
/// Room for headers below the broker's limit.
const HEADER_ROOM: usize = 16 << 10;
/// Longest wait for reading an object.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Length of an object's pieces.
const CHUNK_BYTES: usize = 512 << 10;

/// Where a body is and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    name: String,
    digest: Digest,
}

impl Reference {
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::BODY, self.name.as_str());
        headers.insert(header::BODY_DIGEST, self.digest.to_string().as_str());
    }

    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, DecodeError> {
        let Some(name) = header::get(headers, header::BODY) else {
            return Ok(None);
        };
        let digest = header::parse(headers, header::BODY_DIGEST)?;
        Ok(Some(Self {
            name: name.to_owned(),
            digest,
        }))
    }
}

impl EventLog {
    /// Whether a body can stand in its message.
    pub(crate) fn inline(&self, body: &Bytes) -> bool {
        let accepted = self
            .broker()
            .client()
            .max_payload()
            .saturating_sub(HEADER_ROOM);
        body.len() <= accepted.min(INLINE_BYTES)
    }

    pub(crate) async fn save_body(&self, body: &Bytes) -> Result<Reference, Error> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        self.save_object(Bucket::Bodies, &name, body).await?;
        Ok(Reference {
            name,
            digest: digest(body).await?,
        })
    }

    pub(crate) async fn load_body(&self, reference: &Reference) -> Result<Bytes, DecodeError> {
        let body = match self.load_object(Bucket::Bodies, &reference.name).await {
            Ok(Some(body)) => body,
            Ok(None) | Err(Error::Object { .. }) => return Err(DecodeError::Body),
            Err(_) => return Err(DecodeError::Unavailable),
        };
        match digest(&body).await {
            Ok(digest) if digest == reference.digest => Ok(body),
            Ok(_) => Err(DecodeError::Body),
            Err(_) => Err(DecodeError::Unavailable),
        }
    }

    /// Best effort: an object left over goes when its bucket's age limit is reached.
    pub(crate) async fn delete_body(&self, reference: &Reference) {
        if let Err(error) = self.delete_object(Bucket::Bodies, &reference.name).await {
            tracing::debug!(%error, object.name = %reference.name, "an unused body stays for now");
        }
    }

    pub(crate) async fn object_store(&self, bucket: Bucket) -> Result<ObjectStore, Error> {
        if !self.connected() {
            return Err(Error::Unavailable);
        }
        let name = self.names().bucket(bucket);
        self.broker()
            .jetstream()
            .get_object_store(&name)
            .await
            .map_err(|error| {
                tracing::debug!(%error, bucket.name = %name, "no object store");
                Error::Unavailable
            })
    }

    pub(crate) async fn save_object(
        &self,
        bucket: Bucket,
        name: &str,
        bytes: &Bytes,
    ) -> Result<(), Error> {
        let store = self.object_store(bucket).await?;
        let accepted = self
            .broker()
            .client()
            .max_payload()
            .saturating_sub(HEADER_ROOM);
        let metadata = ObjectMetadata {
            name: name.to_owned(),
            chunk_size: Some(CHUNK_BYTES.min(accepted)),
            ..ObjectMetadata::default()
        };
        store
            .put(metadata, &mut bytes.as_ref())
            .await
            .map(|_| ())
            .map_err(|error| {
                tracing::warn!(%error, object.name = %name, "cannot store an object");
                Error::Unavailable
            })
    }

    pub(crate) async fn load_object(
        &self,
        bucket: Bucket,
        name: &str,
    ) -> Result<Option<Bytes>, Error> {
        let store = self.object_store(bucket).await?;
        let mut object = match store.get(name).await {
            Ok(object) => object,
            Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
            Err(_) => return Err(Error::Unavailable),
        };
        match tokio::time::timeout(READ_WITHIN, read(&mut object)).await {
            Ok(Ok(bytes)) if bytes.len() == object.info().size => Ok(Some(bytes.into())),
            Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidData => Err(Error::Unavailable),
            Ok(_) => Err(Error::Object {
                name: name.to_owned(),
            }),
            Err(_) => Err(Error::Unavailable),
        }
    }

    pub(crate) async fn delete_object(&self, bucket: Bucket, name: &str) -> Result<(), Error> {
        let store = self.object_store(bucket).await?;
        match store.delete(name).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == DeleteErrorKind::NotFound => Ok(()),
            Err(_) => Err(Error::Unavailable),
        }
    }
}

/// Hashing megabytes takes long: it has a thread of its own, which a stop can take away.
async fn digest(bytes: &Bytes) -> Result<Digest, Error> {
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Digest::of(&bytes))
        .await
        .map_err(|_| Error::Unavailable)
}

/// Reads an object to its end. (`read_to_end` panics where the object's digest is wrong.)
async fn read(object: &mut Object) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(object.info().size);
    let mut piece = vec![0; CHUNK_BYTES];
    loop {
        match object.read(&mut piece).await? {
            0 => return Ok(bytes),
            length => bytes.extend_from_slice(&piece[..length]),
        }
    }
}
