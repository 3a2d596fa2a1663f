//! Makes a log.

use std::collections::VecDeque;

use maestro_eventlog::{EventLog, Settings};
use maestro_runtime::clock::monotonic;
use maestro_testkit::history::History;

use crate::Outcome;

/// Commits on their way at most.
const IN_FLIGHT: usize = 512;

/// Appends `commits` commits of a seeded history; the seconds it took.
pub(crate) async fn run(nats: &str, commits: u64) -> Outcome<f64> {
    let log = EventLog::connect(&Settings::single(nats)).await?;
    log.ensure().await?;
    let began = monotonic();
    let mut appender = log.appender(0);
    let mut history = History::seeded(1);
    let mut pending = VecDeque::new();
    for _ in 0..commits {
        let made = history.next_commit();
        pending.push_back(appender.append(made.n, &made.subject, made.bytes.into(), None));
        if pending.len() >= IN_FLIGHT
            && let Some(first) = pending.pop_front()
        {
            first.await?;
        }
    }
    for appending in pending {
        appending.await?;
    }
    Ok(began.elapsed().as_secs_f64())
}
