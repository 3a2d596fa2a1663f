//! The log and the names as projections read them.

use std::collections::HashMap;

use futures::future::BoxFuture;
use maestro_domain::VaultKey;
use maestro_eventlog::{EventLog, Reader, Stream};
use maestro_readmodel::{CommitReader, CommitSource, Names, NamesError, SourceError, StoredCommit};

pub(crate) struct Log(pub(crate) EventLog);

struct Following(Reader);

impl CommitSource for Log {
    fn last(&self) -> BoxFuture<'_, Result<u64, SourceError>> {
        Box::pin(async move {
            let state = self.0.stream_state(Stream::Events).await;
            state.map(|state| state.last_seq).map_err(unavailable)
        })
    }

    fn open(&self, next: u64) -> Box<dyn CommitReader> {
        Box::new(Following(self.0.read(Stream::Events, next)))
    }
}

impl CommitReader for Following {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<StoredCommit>, SourceError>> {
        Box::pin(async move {
            let messages = self.0.next_batch(max).await.map_err(unavailable)?;
            let commits = messages.into_iter().map(|message| StoredCommit {
                seq: message.seq,
                bytes: message.payload,
            });
            Ok(commits.collect())
        })
    }
}

fn unavailable(error: impl ToString) -> SourceError {
    SourceError::Unavailable(error.to_string())
}

/// Names that are at hand.
pub(crate) struct Known(pub(crate) HashMap<VaultKey, String>);

impl Names for Known {
    fn lookup<'a>(
        &'a self,
        key: &'a VaultKey,
    ) -> BoxFuture<'a, Result<Option<String>, NamesError>> {
        let known = self.0.get(key).cloned();
        Box::pin(async move { Ok(known) })
    }
}
