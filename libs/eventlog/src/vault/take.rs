//! Reading a value for the last time.

use async_nats::HeaderMap;
use maestro_domain::VaultKey;
use zeroize::Zeroizing;

use super::{MARK_KEPT, Vault, VaultError};
use crate::{
    Error,
    broker::{ANSWER_WITHIN, code},
    header,
    reader::Item,
};

impl Vault {
    /// Deletes a value and hands it out: of all who ask for it, one gets it. `None` where there is
    /// none (any more).
    ///
    /// # Errors
    /// See [`VaultError`]. When the broker is away the value may be deleted and lost.
    pub async fn take(&self, key: &VaultKey) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let subject = self.subject(key.as_str());
        let found = self.log.broker().last(&self.stream(), &subject).await?;
        let Some(found) = found else { return Ok(None) };
        let sequence = found.sequence;
        let Some(value) = self.open(key, &Item::from_stored(found))? else {
            return Ok(None);
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::KV_OPERATION, "PURGE");
        headers.insert(header::ROLLUP, "sub");
        headers.insert(header::TTL, MARK_KEPT);
        headers.insert(
            header::EXPECTED_LAST_SUBJECT_SEQ,
            sequence.to_string().as_str(),
        );
        let deleted = self
            .log
            .broker()
            .publish(subject, headers, bytes::Bytes::new(), ANSWER_WITHIN)
            .await;
        match deleted {
            Ok(_) => Ok(Some(value)),
            Err(Error::Refused {
                code: code::WRONG_LAST_SEQUENCE,
                ..
            }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
