//! Single messages by position, always from the stream's leader.

use bytes::Bytes;

use crate::{Error, EventLog, Stream};

impl EventLog {
    /// The last commit and its sequence; `None` in an empty log.
    ///
    /// # Errors
    /// When the broker is away or EVENTS is missing.
    pub async fn last_commit(&self) -> Result<Option<(u64, Bytes)>, Error> {
        let subject = self.names().subject("log", '>');
        let stream = self.names().stream(Stream::Events);
        let found = self.broker().last(&stream, &subject).await?;
        Ok(found.map(|message| (message.sequence, message.payload)))
    }

    /// The commit of one sequence; `None` where there is none.
    ///
    /// # Errors
    /// When the broker is away or EVENTS is missing.
    pub async fn commit(&self, seq: u64) -> Result<Option<Bytes>, Error> {
        let stream = self.names().stream(Stream::Events);
        let found = self.broker().message(&stream, seq).await?;
        Ok(found.map(|message| message.payload))
    }
}
