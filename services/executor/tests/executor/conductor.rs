//! Answers reports as the tests want it, and remembers them.

use std::sync::{Arc, Mutex};

use maestro_domain::{
    ExecutorId, Report,
    report::{Execution, Order, Orders, Reply, ReportMessage},
};
use maestro_eventlog::{EventLog, Heartbeat, Stream};
use maestro_testkit::wait_until;

use crate::bench::SOON;

/// How to answer.
pub(crate) struct Policy {
    /// Lease term, in milliseconds.
    pub(crate) term_ms: u64,
    /// Heartbeats get no answer.
    pub(crate) silent_heartbeats: bool,
    /// The conductor does not count on anybody until the next inventory.
    pub(crate) unknown: bool,
    /// What is repeated with every heartbeat until the end is reported.
    pub(crate) orders: Vec<(ExecutorId, Order)>,
    /// Adoptions are refused.
    pub(crate) refuse_adoptions: bool,
    /// Claims are refused.
    pub(crate) refuse: bool,
    /// So many claims get no answer.
    pub(crate) silent_claims: usize,
    /// So many reports of an end get no answer.
    pub(crate) silent_ends: usize,
    /// What every inventory lacks.
    pub(crate) missing: Vec<Execution>,
    /// Leases that moved to others.
    pub(crate) stale: Vec<Execution>,
    /// Heartbeats answered.
    pub(crate) answered: usize,
    /// Heartbeats not answered.
    pub(crate) ignored: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            term_ms: 30_000,
            silent_heartbeats: false,
            unknown: false,
            orders: Vec::new(),
            refuse_adoptions: false,
            refuse: false,
            silent_claims: 0,
            silent_ends: 0,
            missing: Vec::new(),
            stale: Vec::new(),
            answered: 0,
            ignored: 0,
        }
    }
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
        tokio::spawn(answer_heartbeats(log.clone(), Arc::clone(&policy)));
        Self { reports, policy }
    }

    /// Waits until so many further heartbeats were left without an answer.
    pub(crate) async fn ignored(&self, more: usize) {
        let before = self.policy.lock().unwrap().ignored;
        wait_until(SOON, async || {
            self.policy.lock().unwrap().ignored >= before + more
        })
        .await;
    }

    /// Waits for so many further heartbeats.
    pub(crate) async fn heartbeats(&self, more: usize) {
        let before = self.policy.lock().unwrap().answered;
        wait_until(SOON, async || {
            self.policy.lock().unwrap().answered >= before + more
        })
        .await;
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
    if let Report::Finished { execution, .. } = report {
        policy
            .orders
            .retain(|(_, Order::Cancel(of) | Order::Adopt(of))| of.execution != *execution);
    }
    Some(match report {
        Report::Adopt(_) if policy.refuse_adoptions => Reply::Refused,
        Report::Adopt(execution) => {
            policy.orders.retain(
                |(_, order)| !matches!(order, Order::Adopt(of) if of.execution == *execution),
            );
            Reply::Granted
        }
        Report::Draining | Report::Leaving => Reply::Recorded,
        Report::Claim(_) if policy.refuse => Reply::Refused,
        Report::Claim(_) => Reply::Granted,
        Report::Started { .. } | Report::Finished { .. } => Reply::Recorded,
        Report::Inventory { executions, .. } => {
            policy.unknown = false;
            let known = |execution: &Execution| executions.contains(execution);
            let of = |all: &[Execution], here: bool| {
                let some = all.iter().copied().filter(|e| known(e) == here);
                some.collect()
            };
            Reply::Differences {
                missing: of(&policy.missing, false),
                stale: of(&policy.stale, true),
            }
        }
    })
}

async fn answer_heartbeats(log: EventLog, policy: Arc<Mutex<Policy>>) {
    let mut heartbeats = log.heartbeats().await.unwrap();
    while let Some(Heartbeat { executor, reply_to }) = heartbeats.next().await {
        let answer = {
            let mut policy = policy.lock().unwrap();
            if policy.silent_heartbeats {
                policy.ignored += 1;
                continue;
            }
            policy.answered += 1;
            let own = policy.orders.iter().filter(|(of, _)| *of == executor);
            Orders {
                known: !policy.unknown,
                term_ms: policy.term_ms,
                orders: own.map(|(_, order)| order.clone()).collect(),
            }
        };
        // The broker may be away in some tests; the next one comes.
        let _ = log.answer_heartbeat(&reply_to, &answer).await;
    }
}
