//! The commits of a copy, hashed on all cores and handed out in order.

use std::{collections::VecDeque, pin::Pin, thread};

use futures::{Stream, TryStreamExt as _, stream};
use maestro_eventlog::{EventLog, Link, Scan};
use maestro_readmodel::ReadModel;

use super::place;
use crate::cli::failure::{Failure, Kind, chain};

/// Commits that are hashed together.
const BATCH: usize = 512;

type Batches<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Link>, Failure>> + Send + 'a>>;

/// The links of one copy.
pub(super) struct Links<'a> {
    batches: Batches<'a>,
    ready: VecDeque<Link>,
}

impl<'a> Links<'a> {
    /// A copy that holds nothing.
    pub(super) fn none() -> Self {
        Self::hashed(stream::empty::<Result<fn() -> Vec<Link>, _>>())
    }

    /// What EVENTS holds.
    pub(super) fn of_log(log: &'a EventLog, scan: Scan) -> Self {
        let batches = stream::try_unfold(scan, |mut scan| async {
            let batch = scan.next_batch(BATCH).await;
            let batch = batch.map_err(|error| Failure::new(Kind::Failed, chain(&error)))?;
            Ok(batch.map(|batch| (batch, scan)))
        });
        let log = log.clone();
        Self::hashed(batches.map_ok(move |batch| {
            let log = log.clone();
            move || {
                let links = batch.iter().map(|message| {
                    let subject = log.commit_subject(message);
                    Link::of(message.seq, subject, &message.payload, None)
                });
                links.collect()
            }
        }))
    }

    /// What the journal holds of commits 1 to `end`.
    pub(super) fn of_journal(model: &'a ReadModel, end: u64) -> Self {
        let batches = stream::try_unfold(1, move |from| async move {
            if from > end {
                return Ok(None);
            }
            let to = end.min(from + BATCH as u64 - 1);
            let rows = model.journal(from..=to).await;
            let rows = rows.map_err(|error| place::database(&error))?;
            Ok(Some((rows, to + 1)))
        });
        Self::hashed(batches.map_ok(|rows| {
            move || {
                let links = rows
                    .iter()
                    .map(|row| Link::of(row.n, &row.subject, &row.bytes, Some(row.hash)));
                links.collect()
            }
        }))
    }

    fn hashed<F>(batches: impl Stream<Item = Result<F, Failure>> + Send + 'a) -> Self
    where
        F: FnOnce() -> Vec<Link> + Send + 'static,
    {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let hashed = batches
            .map_ok(|work| async move {
                tokio::task::spawn_blocking(work)
                    .await
                    .map_err(|error| Failure::caused("commits cannot be hashed", &error))
            })
            .try_buffered(cores);
        Self {
            batches: Box::pin(hashed),
            ready: VecDeque::new(),
        }
    }

    /// What the copy holds at `seq`; asked for in ascending order.
    pub(super) async fn at(&mut self, seq: u64) -> Result<Option<Link>, Failure> {
        loop {
            match self.ready.front() {
                Some(link) if link.seq() < seq => {
                    self.ready.pop_front();
                }
                Some(link) if link.seq() == seq => return Ok(self.ready.pop_front()),
                Some(_) => return Ok(None),
                None => match self.batches.try_next().await? {
                    Some(batch) => self.ready.extend(batch),
                    None => return Ok(None),
                },
            }
        }
    }
}
