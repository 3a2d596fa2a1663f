use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use maestro_domain::VaultKey;
use maestro_eventlog::{EventLog, Reader, Stream, Vault};
use maestro_readmodel::{CommitReader, CommitSource, Names, NamesError, SourceError, StoredCommit};

/// The log as the projections read it.
pub struct Source(pub EventLog);

struct Following(Reader);

impl CommitSource for Source {
    fn last(&self) -> BoxFuture<'_, Result<u64, SourceError>> {
        async move {
            let state = self.0.stream_state(Stream::Events).await;
            state
                .map(|state| state.last_seq)
                .map_err(|e| SourceError::Unavailable(e.to_string()))
        }
        .boxed()
    }

    fn open(&self, next: u64) -> Box<dyn CommitReader> {
        Box::new(Following(self.0.read(Stream::Events, next)))
    }
}

impl CommitReader for Following {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<StoredCommit>, SourceError>> {
        async move {
            let batch = self.0.next_batch(max).await;
            let batch = batch.map_err(|e| SourceError::Unavailable(e.to_string()))?;
            let commit = |(seq, bytes): (u64, Bytes)| StoredCommit { seq, bytes };
            Ok(batch
                .into_iter()
                .map(|m| commit((m.seq, m.payload)))
                .collect())
        }
        .boxed()
    }
}

/// The vault as the projections read it.
pub struct Texts(pub Vault);

impl Names for Texts {
    fn lookup<'a>(
        &'a self,
        key: &'a VaultKey,
    ) -> BoxFuture<'a, Result<Option<String>, NamesError>> {
        async move {
            let value = self
                .0
                .get(key)
                .await
                .map_err(|e| NamesError(e.to_string()))?;
            Ok(value.and_then(|value| String::from_utf8(value.to_vec()).ok()))
        }
        .boxed()
    }
}
