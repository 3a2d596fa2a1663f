//! Reads the log once for everybody who builds rows from it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    projection::Projected,
    runner::{Interrupt, Tip},
    source::CommitSource,
};

/// Commits of a chunk at most.
const CHUNK_COMMITS: usize = 2_000;
/// Bytes of a chunk at most, unless one commit alone is larger.
const CHUNK_BYTES: usize = 2 << 20;

/// Verified commits that follow each other.
pub(super) type Chunk = Arc<[Projected]>;
/// Where chunks go to.
pub(super) type Outlet = mpsc::Sender<Result<Chunk, Interrupt>>;
/// Where they come from.
pub(super) type Inlet = mpsc::Receiver<Result<Chunk, Interrupt>>;

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Behind this commit.
    pub(super) from: Tip,
    /// Up to this one, which is there already.
    pub(super) until: u64,
    /// Commits per second at most.
    pub(super) rate: Option<u32>,
}

/// A pair for one reader; a chunk waits in it at most.
pub(super) fn pipe() -> (Outlet, Inlet) {
    mpsc::channel(1)
}

/// Sends the commits of `plan` to every outlet, as fast as the slowest takes them.
pub(super) async fn feed(source: Arc<dyn CommitSource>, plan: Plan, mut outlets: Vec<Outlet>) {
    if let Err(interrupt) = read(&*source, plan, &mut outlets).await {
        for outlet in outlets {
            // Whoever left does not need to hear it.
            let _ = outlet.send(Err(interrupt.clone())).await;
        }
    }
}

async fn read(
    source: &dyn CommitSource,
    plan: Plan,
    outlets: &mut Vec<Outlet>,
) -> Result<(), Interrupt> {
    let Plan {
        from: mut tip,
        until,
        rate,
    } = plan;
    if tip.seq >= until {
        return Ok(());
    }
    let mut pace = Pace::new(rate);
    let mut reader = source.open(tip.seq.max(1));
    let mut confirmed = tip.seq == 0;
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while tip.seq < until {
        let left = usize::try_from(until - tip.seq).unwrap_or(usize::MAX);
        let wanted = pace.chunk().min(left) + usize::from(!confirmed);
        let stored = reader.next_batch(wanted).await;
        for one in stored.map_err(|error| Interrupt::source(error, tip.seq))? {
            if !confirmed {
                tip.confirm(&one)
                    .map_err(|broken| Interrupt::stop(tip.seq, &broken))?;
                confirmed = true;
                continue;
            }
            bytes += one.bytes.len();
            let seq = tip.seq;
            let commit = tip
                .link(one)
                .map_err(|broken| Interrupt::stop(seq, &broken))?;
            chunk.push(commit);
            if chunk.len() >= pace.chunk() || bytes >= CHUNK_BYTES || tip.seq == until {
                bytes = 0;
                pace.wait(chunk.len()).await;
                send(outlets, std::mem::take(&mut chunk).into()).await;
            }
        }
        if outlets.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends `chunk` to all and forgets those who left.
async fn send(outlets: &mut Vec<Outlet>, chunk: Chunk) {
    let mut there = Vec::with_capacity(outlets.len());
    for outlet in outlets.drain(..) {
        if outlet.send(Ok(Arc::clone(&chunk))).await.is_ok() {
            there.push(outlet);
        }
    }
    *outlets = there;
}

/// Keeps to a rate.
struct Pace {
    rate: Option<u32>,
    next: Instant,
}

impl Pace {
    fn new(rate: Option<u32>) -> Self {
        Self {
            rate,
            next: Instant::now(),
        }
    }

    /// Commits of a chunk: at a rate no more than a quarter of a second's.
    fn chunk(&self) -> usize {
        self.rate.map_or(CHUNK_COMMITS, |rate| {
            (rate as usize / 4).clamp(1, CHUNK_COMMITS)
        })
    }

    /// Waits until `commits` more may go.
    async fn wait(&mut self, commits: usize) {
        let Some(rate) = self.rate else { return };
        tokio::time::sleep_until(self.next).await;
        let took = Duration::from_secs_f64(commits as f64 / f64::from(rate));
        self.next = self.next.max(Instant::now() - took) + took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_and_time_lost_is_not_made_up_for() {
        let mut pace = Pace::new(Some(1_000));
        assert_eq!(pace.chunk(), 250);
        let began = Instant::now();
        for _ in 0..9 {
            pace.wait(250).await;
        }
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        for _ in 0..5 {
            pace.wait(250).await;
        }
        assert!(began.elapsed() >= Duration::from_millis(750));
    }
}
