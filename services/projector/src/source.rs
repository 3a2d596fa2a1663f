//! The commits of EVENTS.

use futures::future::BoxFuture;
use maestro_eventlog::{EventLog, ReadError, Reader, Stream};
use maestro_readmodel::{CommitReader, CommitSource, SourceError, StoredCommit};

pub(crate) struct LogSource(EventLog);

impl LogSource {
    pub(crate) const fn new(log: EventLog) -> Self {
        Self(log)
    }
}

impl CommitSource for LogSource {
    fn last(&self) -> BoxFuture<'_, Result<u64, SourceError>> {
        Box::pin(async move {
            let state = self.0.stream_state(Stream::Events).await;
            let state = state.map_err(|error| SourceError::Unavailable(error.to_string()))?;
            Ok(state.last_seq)
        })
    }

    fn open(&self, next: u64) -> Box<dyn CommitReader> {
        Box::new(LogReader(self.0.read(Stream::Events, next)))
    }
}

struct LogReader(Reader);

impl CommitReader for LogReader {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<StoredCommit>, SourceError>> {
        Box::pin(async move {
            let messages = self.0.next_batch(max).await.map_err(failure)?;
            let commits = messages.into_iter().map(|message| StoredCommit {
                seq: message.seq,
                bytes: message.payload,
            });
            Ok(commits.collect())
        })
    }
}

fn failure(error: ReadError) -> SourceError {
    match error {
        ReadError::Gap {
            expected, found, ..
        } => SourceError::Gap { expected, found },
        ReadError::Behind {
            expected, last_seq, ..
        } => SourceError::Behind {
            expected,
            last: last_seq,
        },
        ReadError::Recreated { .. } => SourceError::Recreated,
        ReadError::Gone { .. } => SourceError::Unavailable(error.to_string()),
    }
}
