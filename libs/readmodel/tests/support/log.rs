use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures::future::BoxFuture;
use maestro_domain::VaultKey;
use maestro_readmodel::{CommitReader, CommitSource, Names, NamesError, SourceError, StoredCommit};
use tokio::sync::watch;

/// A log in memory that hands out at most `batch` commits at once.
#[derive(Clone)]
pub struct Log {
    stored: watch::Sender<BTreeMap<u64, Bytes>>,
    batch: usize,
}

impl Log {
    pub fn new(batch: usize) -> Self {
        Self {
            stored: watch::Sender::default(),
            batch,
        }
    }

    pub fn of(batch: usize, commits: &[Vec<u8>]) -> Self {
        let log = Self::new(batch);
        log.extend(commits);
        log
    }

    /// Appends what is not there yet of a log's commits.
    pub fn extend(&self, commits: &[Vec<u8>]) {
        self.stored.send_modify(|stored| {
            for (seq, bytes) in (1u64..).zip(commits) {
                stored
                    .entry(seq)
                    .or_insert_with(|| Bytes::from(bytes.clone()));
            }
        });
    }

    pub fn put(&self, seq: u64, bytes: Vec<u8>) {
        self.stored.send_modify(|stored| {
            stored.insert(seq, bytes.into());
        });
    }

    pub fn remove(&self, seq: u64) {
        self.stored.send_modify(|stored| {
            stored.remove(&seq);
        });
    }

    pub fn source(&self) -> Arc<dyn CommitSource> {
        Arc::new(self.clone())
    }
}

impl CommitSource for Log {
    fn last(&self) -> BoxFuture<'_, Result<u64, SourceError>> {
        let last = self
            .stored
            .borrow()
            .keys()
            .next_back()
            .copied()
            .unwrap_or(0);
        Box::pin(async move { Ok(last) })
    }

    fn open(&self, next: u64) -> Box<dyn CommitReader> {
        Box::new(Reader {
            stored: self.stored.subscribe(),
            batch: self.batch,
            next,
        })
    }
}

struct Reader {
    stored: watch::Receiver<BTreeMap<u64, Bytes>>,
    batch: usize,
    next: u64,
}

impl CommitReader for Reader {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<StoredCommit>, SourceError>> {
        Box::pin(async move {
            let (next, max) = (self.next, max.min(self.batch));
            let there = |stored: &BTreeMap<u64, Bytes>| stored.range(next..).next().is_some();
            let stored = self
                .stored
                .wait_for(there)
                .await
                .expect("the log lives as long");
            let batch: Vec<_> = stored
                .range(next..)
                .take(max)
                .map(|(seq, bytes)| StoredCommit {
                    seq: *seq,
                    bytes: bytes.clone(),
                })
                .collect();
            let found = batch[0].seq;
            self.next = batch[batch.len() - 1].seq + 1;
            if found > next {
                self.next = found;
                return Err(SourceError::Gap {
                    expected: next,
                    found,
                });
            }
            Ok(batch)
        })
    }
}

/// A vault in memory.
#[derive(Default)]
pub struct Vault(pub Mutex<BTreeMap<VaultKey, String>>, AtomicBool);

impl Vault {
    pub fn put(&self, key: VaultKey, text: &str) {
        self.0.lock().unwrap().insert(key, text.to_owned());
    }

    pub fn reachable(&self, reachable: bool) {
        self.1.store(!reachable, Ordering::Relaxed);
    }
}

impl Names for Vault {
    fn lookup<'a>(
        &'a self,
        key: &'a VaultKey,
    ) -> BoxFuture<'a, Result<Option<String>, NamesError>> {
        let text = self.0.lock().unwrap().get(key).cloned();
        let away = self.1.load(Ordering::Relaxed);
        Box::pin(async move {
            if away {
                Err(NamesError("away".into()))
            } else {
                Ok(text)
            }
        })
    }
}
