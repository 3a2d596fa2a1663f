//! Rows built beside the live ones.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    Ended,
    desk::Desk,
    feed::{Chunk, Inlet, Plan, feed, pipe},
};
use crate::{
    runner::{Interrupt, Tip, Writer},
    source::CommitSource,
};

/// The rows of a projection beside the live ones, as far as they are.
pub(super) struct Build {
    pub(super) writer: Writer,
    pub(super) source: Arc<dyn CommitSource>,
    /// Last commit applied.
    pub(super) tip: Tip,
}

impl Build {
    /// Applies what comes, up to commit `until`, and tells `desk` how far it is.
    pub(super) async fn absorb(
        &mut self,
        chunks: &mut Inlet,
        until: u64,
        mut desk: Option<&mut Desk>,
    ) -> Result<(), Ended> {
        while self.tip.seq < until {
            let Some(chunk) = chunks.recv().await else {
                let why = format!("reading ended after commit {}", self.tip.seq);
                return Err(Ended::Later(why));
            };
            let part = self.part(chunk?, until);
            let Some(last) = part.last().map(Tip::at) else {
                continue;
            };
            self.writer.apply(self.tip, part).await?;
            self.tip = last;
            if let Some(desk) = desk.as_deref_mut() {
                desk.report(last.seq, until).await?;
            }
        }
        Ok(())
    }

    /// What of `chunk` is not applied yet and not behind `until`.
    fn part(&self, chunk: Chunk, until: u64) -> Chunk {
        let wanted = |seq: u64| seq > self.tip.seq && seq <= until;
        if chunk.iter().all(|commit| wanted(commit.seq)) {
            return chunk;
        }
        let part = chunk.iter().filter(|commit| wanted(commit.seq));
        part.cloned().collect()
    }

    /// Reads on by itself, up to commit `until`.
    pub(super) async fn catch_up(
        &mut self,
        until: u64,
        desk: Option<&mut Desk>,
    ) -> Result<(), Ended> {
        if self.tip.seq >= until {
            return Ok(());
        }
        let (outlet, mut inlet) = pipe();
        let plan = Plan {
            from: self.tip,
            until,
            rate: None,
        };
        // Ends the reading when this is dropped.
        let mut reading = JoinSet::new();
        reading.spawn(feed(Arc::clone(&self.source), plan, vec![outlet]));
        self.absorb(&mut inlet, until, desk).await
    }

    /// The last commit of the log.
    pub(super) async fn last(&self) -> Result<u64, Ended> {
        let last = self.source.last().await;
        Ok(last.map_err(|error| Interrupt::source(error, self.tip.seq))?)
    }
}
