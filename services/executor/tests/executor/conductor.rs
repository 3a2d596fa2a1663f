//! Answers reports as the tests want it, and remembers them.

use std::sync::{Arc, Mutex};

use maestro_domain::{
    Report,
    report::{Execution, Reply, ReportMessage},
};
use maestro_eventlog::{EventLog, Stream};
use maestro_testkit::wait_until;

use crate::bench::SOON;

/// How to answer.
#[derive(Default)]
pub(crate) struct Policy {
    /// Claims are refused.
    pub(crate) refuse: bool,
    /// So many claims get no answer.
    pub(crate) silent_claims: usize,
    /// So many reports of an end get no answer.
    pub(crate) silent_ends: usize,
    /// What every inventory lacks.
    pub(crate) missing: Vec<Execution>,
}

/// The conductor's side of REPORTS.
pub(crate) struct Conductor {
    reports: Arc<Mutex<Vec<ReportMessage>>>,
    policy: Arc<Mutex<Policy>>,
}

impl Conductor {
    pub(crate) fn start(log: &EventLog) -> Self {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let policy = Arc::new(Mutex::new(Policy::default()));
        tokio::spawn(answer(
            log.clone(),
            Arc::clone(&reports),
            Arc::clone(&policy),
        ));
        Self { reports, policy }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy.lock().unwrap());
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.reports
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.report.clone())
            .collect()
    }

    pub(crate) fn messages(&self) -> Vec<ReportMessage> {
        self.reports.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Report) -> bool) -> usize {
        self.reports()
            .iter()
            .filter(|report| wanted(report))
            .count()
    }

    /// Waits for the first such report.
    pub(crate) async fn report<T>(&self, wanted: impl Fn(&Report) -> Option<T>) -> T {
        wait_until(SOON, async || {
            self.reports().iter().any(|report| wanted(report).is_some())
        })
        .await;
        self.reports().iter().find_map(wanted).unwrap()
    }
}

async fn answer(
    log: EventLog,
    reports: Arc<Mutex<Vec<ReportMessage>>>,
    policy: Arc<Mutex<Policy>>,
) {
    let mut reader = log.read(Stream::Reports, 1);
    loop {
        let message = reader.next().await.unwrap();
        let report: ReportMessage = serde_json::from_slice(&message.payload).unwrap();
        let reply = decide(&mut policy.lock().unwrap(), &report.report);
        reports.lock().unwrap().push(report);
        if let (Some(reply), Some(inbox)) = (reply, &message.reply_to) {
            // The broker may be away in some tests; the report comes again.
            let _ = log.answer(inbox, &reply).await;
        }
    }
}

fn decide(policy: &mut Policy, report: &Report) -> Option<Reply> {
    let silent = match report {
        Report::Claim(_) => &mut policy.silent_claims,
        Report::Finished { .. } => &mut policy.silent_ends,
        _ => &mut 0,
    };
    if *silent > 0 {
        *silent -= 1;
        return None;
    }
    Some(match report {
        Report::Claim(_) if policy.refuse => Reply::Refused,
        Report::Claim(_) => Reply::Granted,
        Report::Started { .. } | Report::Finished { .. } => Reply::Recorded,
        Report::Inventory { executions, .. } => {
            let known = |execution: &Execution| executions.contains(execution);
            Reply::Missing(
                policy
                    .missing
                    .iter()
                    .copied()
                    .filter(|e| !known(e))
                    .collect(),
            )
        }
    })
}
