//! Values that change only from one known version to the next.

use maestro_domain::VaultKey;
use zeroize::Zeroizing;

use super::{Vault, VaultError, cipher};
use crate::{
    Error,
    broker::{ANSWER_WITHIN, code},
    header,
    reader::Item,
};

impl Vault {
    /// A value and its version.
    pub(crate) async fn get_at(
        &self,
        key: &VaultKey,
    ) -> Result<Option<(Zeroizing<Vec<u8>>, u64)>, VaultError> {
        let subject = self.subject(key.as_str());
        let found = self.log.broker().last(&self.stream(), &subject).await?;
        let Some(found) = found else { return Ok(None) };
        let version = found.sequence;
        let value = self.open(key, &Item::from_stored(found))?;
        Ok(value.map(|value| (value, version)))
    }

    /// Replaces the version (0: none); false when it is another one by now.
    pub(crate) async fn put_at(
        &self,
        key: &VaultKey,
        value: &[u8],
        version: u64,
    ) -> Result<bool, VaultError> {
        let sealed = cipher::seal(&self.keys, key, value);
        let headers = header::expecting(header::EXPECTED_LAST_SUBJECT_SEQ, version);
        let subject = self.subject(key.as_str());
        let stored = self
            .log
            .broker()
            .publish(subject, headers, sealed.into(), ANSWER_WITHIN)
            .await;
        match stored {
            Ok(_) => Ok(true),
            Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE,
                ..
            }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
