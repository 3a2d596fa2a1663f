//! Telling the conductor what was seen, until it says that it knows.

use std::time::Duration;

use maestro_domain::{
    Name, Report, Timestamp,
    report::{End, Execution, Membership, Place, Reply, ReportMessage},
};
use maestro_eventlog::RequestError;
use maestro_runtime::clock;

use crate::{backend::Backend, backoff::Backoff, executor::Executor, recovery::Differences};

/// How long an answer is waited for before the report is repeated. A report that is not answered
/// for long is repeated less often: each one is stored.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

impl<B: Backend> Executor<B> {
    /// Asks for the right to start; `None` when the executor stops before the answer.
    pub(crate) async fn claim(
        &self,
        pool: &Name,
        execution: Execution,
        traceparent: Option<&str>,
    ) -> Option<bool> {
        self.until_answered(pool, Report::Claim(execution), traceparent, granted)
            .await
    }

    /// Reports a start, until recorded.
    pub(crate) async fn report_started(
        &self,
        pool: &Name,
        execution: Execution,
        at: Timestamp,
        place: Place,
        traceparent: Option<&str>,
    ) {
        let report = Report::Started {
            execution,
            at,
            place,
        };
        self.until_answered(pool, report, traceparent, recorded)
            .await;
    }

    /// Reports an end; `false` when the executor stops before it is recorded.
    pub(crate) async fn report_finished(
        &self,
        pool: &Name,
        finished: Finished,
        traceparent: Option<&str>,
    ) -> bool {
        let Finished {
            execution,
            end,
            at,
            log_bytes,
            detail,
        } = finished;
        metrics::counter!("maestro_executor_finished_total", "end" => label(end)).increment(1);
        let report = Report::Finished {
            execution,
            end,
            at,
            log_bytes,
            detail,
        };
        self.until_answered(pool, report, traceparent, recorded)
            .await
            .is_some()
    }

    /// Asks for the right to look after an execution whose lease is this executor's; `None` when
    /// the executor stops before the answer.
    pub(crate) async fn claim_adoption(&self, pool: &Name, execution: Execution) -> Option<bool> {
        self.until_answered(pool, Report::Adopt(execution), None, granted)
            .await
    }

    /// Reports what is here; returns how it differs from the leases, `None` when the executor stops
    /// before the answer.
    pub(crate) async fn report_inventory(&self, pool: &Name) -> Option<Differences> {
        let backend = self.backend.kind().parse().expect("a kind is a name");
        let report = Report::Inventory {
            pool: pool.clone(),
            executions: self.registry.live_in(pool),
            membership: Some(Membership {
                site: self.backend.site(),
                backend,
            }),
        };
        let differences = |reply| match reply {
            Reply::Differences { missing, stale } => Some(Differences { missing, stale }),
            _ => None,
        };
        self.until_answered(pool, report, None, differences).await
    }

    /// Reports that nothing new is taken.
    pub(crate) async fn report_draining(&self) {
        if let Some(pool) = self.pools.first() {
            self.until_answered(pool, Report::Draining, None, recorded)
                .await;
        }
    }

    async fn until_answered<T>(
        &self,
        pool: &Name,
        report: Report,
        traceparent: Option<&str>,
        accept: impl Fn(Reply) -> Option<T>,
    ) -> Option<T> {
        let message = ReportMessage {
            executor: self.id,
            report,
        };
        let mut waits = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut outage = Backoff::for_outage();
        let asking = async {
            loop {
                match self
                    .log
                    .report(pool, &message, traceparent, waits.next())
                    .await
                {
                    Ok(reply) => match accept(reply) {
                        Some(answer) => return answer,
                        None => {
                            tracing::error!("the conductor's answer does not fit the report");
                            outage.wait().await;
                        }
                    },
                    Err(RequestError::TimedOut) => {
                        tracing::debug!("a report is not answered yet");
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a report could not be sent");
                        outage.wait().await;
                    }
                }
            }
        };
        self.stop.run_until_cancelled(asking).await
    }
}

/// An end to report.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub(crate) execution: Execution,
    pub(crate) end: End,
    pub(crate) at: Timestamp,
    pub(crate) log_bytes: u64,
    /// What the system said about it.
    pub(crate) detail: Option<String>,
}

impl Finished {
    /// The end of something that never started here.
    pub(crate) fn unstarted(execution: Execution, end: End) -> Self {
        Self {
            execution,
            end,
            at: clock::now(),
            log_bytes: 0,
            detail: None,
        }
    }
}

fn granted(reply: Reply) -> Option<bool> {
    match reply {
        Reply::Granted => Some(true),
        Reply::Refused => Some(false),
        _ => None,
    }
}

fn recorded(reply: Reply) -> Option<()> {
    (reply == Reply::Recorded).then_some(())
}

fn label(end: End) -> &'static str {
    match end {
        End::Exited { code: 0 } => "succeeded",
        End::Exited { .. } => "exit_code",
        End::Signaled { .. } => "signaled",
        End::OomKilled => "oom_killed",
        End::DeadlineExceeded => "deadline_exceeded",
        End::Canceled => "canceled",
        End::Evicted => "evicted",
        End::Preempted => "preempted",
        End::NodeLost => "node_lost",
        End::ImagePull => "image_pull",
        End::Unschedulable => "unschedulable",
        End::LaunchRejected => "launch_rejected",
        End::Lost => "lost",
    }
}
