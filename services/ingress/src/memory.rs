//! A bound on the bytes of all bodies held at once.
//!
//! Bodies up to [`SMALL`] bytes have a pool of their own and take from it only as they arrive, so
//! that neither large bodies nor senders who announce much and send little keep an ordinary
//! webhook waiting. A body that turns out large moves to the other pool and takes all it needs at
//! once: large bodies that each hold a part and wait for the rest would all fail.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Longest body that the pool for small ones is for.
pub(crate) const SMALL: usize = 1024 * 1024;

/// Memory for bodies.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// No memory became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Memory {
    /// `bytes` in total, of which `largest` and at least three quarters are for large bodies.
    pub(crate) fn new(bytes: usize, largest: usize) -> Self {
        let large = (bytes / 4 * 3).max(largest);
        Self {
            small: Arc::new(Semaphore::new((bytes - bytes / 4 * 3).max(SMALL))),
            large: Arc::new(Semaphore::new(large)),
        }
    }

    /// An empty reservation that will wait `patience` at most, all its waits together.
    pub(crate) const fn reservation(&self, patience: Duration) -> Reservation<'_> {
        Reservation {
            memory: self,
            small: None,
            large: None,
            reserved: 0,
            patience,
        }
    }
}

/// The memory of one body, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation<'m> {
    memory: &'m Memory,
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    reserved: usize,
    patience: Duration,
}

impl Reservation<'_> {
    /// Makes room for `held` bytes of a body that will have at most `total`. Says how long that
    /// took.
    pub(crate) async fn cover(&mut self, held: usize, total: usize) -> Result<Duration, Exhausted> {
        if held <= self.reserved {
            return Ok(Duration::ZERO);
        }
        let started = Instant::now();
        let deadline = started + self.patience;
        if held <= SMALL {
            let more = held - self.reserved;
            take(&mut self.small, &self.memory.small, more, deadline).await?;
            self.reserved = held;
        } else {
            take(&mut self.large, &self.memory.large, total, deadline).await?;
            self.small = None;
            self.reserved = total;
        }
        let waited = started.elapsed();
        self.patience = self.patience.saturating_sub(waited);
        Ok(waited)
    }

    /// The permits alone, which may outlive the request's borrow.
    pub(crate) fn into_held(self) -> Held {
        Held {
            _small: self.small,
            _large: self.large,
        }
    }
}

/// Memory in use until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _small: Option<OwnedSemaphorePermit>,
    _large: Option<OwnedSemaphorePermit>,
}

async fn take(
    held: &mut Option<OwnedSemaphorePermit>,
    pool: &Arc<Semaphore>,
    bytes: usize,
    deadline: Instant,
) -> Result<(), Exhausted> {
    let bytes = u32::try_from(bytes).map_err(|_| Exhausted)?;
    let permit = match Arc::clone(pool).try_acquire_many_owned(bytes) {
        Ok(permit) => permit,
        Err(_) => timeout_at(deadline, Arc::clone(pool).acquire_many_owned(bytes))
            .await
            .map_err(|_| Exhausted)?
            .map_err(|_| Exhausted)?,
    };
    match held {
        Some(held) => held.merge(permit),
        None => *held = Some(permit),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;
    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn large_bodies_wait_for_each_other_and_small_ones_do_not() {
        let memory = Memory::new(72 * MIB, 25 * MIB);
        let mut first = memory.reservation(PATIENCE);
        let mut second = memory.reservation(PATIENCE);
        for large in [&mut first, &mut second] {
            large.cover(2 * MIB, 25 * MIB).await.unwrap();
        }
        let mut third = memory.reservation(PATIENCE);
        let started = Instant::now();
        assert_eq!(third.cover(2 * MIB, 25 * MIB).await, Err(Exhausted));
        assert_eq!(started.elapsed(), PATIENCE);

        let mut small = memory.reservation(PATIENCE);
        assert_eq!(small.cover(8192, 8192).await, Ok(Duration::ZERO));
        drop(first);
        let mut fourth = memory.reservation(PATIENCE);
        assert!(fourth.cover(2 * MIB, 25 * MIB).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_lost_or_counted_twice() {
        let memory = Memory::new(64 * MIB, 25 * MIB);
        let free = |memory: &Memory| {
            (
                memory.small.available_permits(),
                memory.large.available_permits(),
            )
        };
        let before = free(&memory);
        let mut body = memory.reservation(PATIENCE);
        for held in [1, 1, 1000, SMALL, SMALL + 1, 3 * MIB, 25 * MIB] {
            body.cover(held, 25 * MIB).await.unwrap();
        }
        assert_eq!(free(&memory), (before.0, before.1 - 25 * MIB));
        drop(body.into_held());
        assert_eq!(free(&memory), before);
    }

    #[tokio::test(start_paused = true)]
    async fn announcing_much_reserves_only_what_arrived() {
        let memory = Memory::new(64 * MIB, 25 * MIB);
        let before = memory.large.available_permits();
        let mut slow = memory.reservation(PATIENCE);
        slow.cover(100, 25 * MIB).await.unwrap();
        assert_eq!(memory.large.available_permits(), before);
    }
}
