//! Growing pauses between repetitions.

use std::time::Duration;

use uuid::Uuid;

/// Doubles from one pause to the next, up to a longest.
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            longest,
        }
    }
    /// For something that is away and usually comes back within seconds.
    pub(crate) const fn for_outage() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }
    /// The pause to make now.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }
    /// As [`Backoff::wait`], shortened by up to half at random so that many do not come back at
    /// once.
    pub(crate) async fn wait_jittered(&mut self) {
        let pause = self.next();
        let permille = u32::try_from(Uuid::new_v4().as_u128() % 500).unwrap_or_default();
        tokio::time::sleep(pause - pause * permille / 1000).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_the_longest() {
        let mut pauses = Backoff::new(Duration::from_secs(2), Duration::from_secs(7));
        let made = [pauses.next(), pauses.next(), pauses.next(), pauses.next()];
        assert_eq!(made.map(|pause| pause.as_secs()), [2, 4, 7, 7]);
    }
}
