//! Saying that this executor lives, and hearing what it has to do.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use maestro_domain::report::{Order, Orders};
use maestro_eventlog::OrderFeed;
use tokio::time::{self, Instant};

use crate::{backend::Backend, backoff::Backoff, confirmation::Standing, executor::Executor};

/// Heartbeats in a term.
const IN_A_TERM: u32 = 6;
/// Until the conductor names its term.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

impl<B: Backend> Executor<B> {
    /// Sends heartbeats until asked to stop.
    pub(crate) async fn send_heartbeats(self: Arc<Self>) {
        let (mut count, mut period) = (0_u64, FIRST_PAUSE);
        let mut failing = Backoff::for_outage();
        while !self.stop.is_cancelled() {
            count += 1;
            let asked_at = Instant::now();
            let pause = match self.log.heartbeat(self.id).await {
                Ok(orders) => {
                    failing = Backoff::for_outage();
                    period = Duration::from_millis(orders.term_ms) / IN_A_TERM;
                    self.answered(asked_at, orders);
                    period
                }
                Err(error) => {
                    tracing::debug!(%error, "a heartbeat is not answered");
                    metrics::counter!("maestro_executor_heartbeats_lost_total").increment(1);
                    failing.next().min(period)
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.beat.notified() => {}
                () = time::sleep(self.jittered(pause, count)) => {}
            }
        }
    }

    fn answered(self: &Arc<Self>, asked_at: Instant, answer: Orders) {
        let Orders {
            known,
            term_ms,
            orders,
        } = answer;
        for order in orders {
            self.obey(order);
        }
        let term = Duration::from_millis(term_ms);
        if self.confirmation.answered(known, asked_at, term) == Standing::Unknown {
            self.spawn(Self::join(Arc::clone(self)));
        }
    }

    /// Up to a tenth less, so that executors started together do not stay together.
    fn jittered(&self, pause: Duration, count: u64) -> Duration {
        let mut hasher = DefaultHasher::new();
        (self.id, count).hash(&mut hasher);
        let permille = u32::try_from(hasher.finish() % 100).unwrap_or_default();
        pause - pause * permille / 1000
    }

    /// Follows orders as soon as they are given, until asked to stop.
    pub(crate) async fn take_orders(self: Arc<Self>, mut feed: OrderFeed) {
        while let Some(Some(order)) = self.stop.run_until_cancelled(feed.next()).await {
            self.obey(order);
        }
    }

    /// Follows an order; one that is being followed already changes nothing.
    fn obey(self: &Arc<Self>, order: Order) {
        match order {
            Order::Adopt(of) => {
                self.spawn(Self::adopt(Arc::clone(self), of));
            }
            Order::Cancel(of) => {
                self.spawn(Self::cancel(Arc::clone(self), of));
            }
        }
    }
}
