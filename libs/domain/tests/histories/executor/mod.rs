//! An executor as the protocol asks it to be. What it has started survives its own death.

mod conversation;
mod lifecycle;

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{
    ExecutorId, Name, Report, Timestamp,
    report::{End, Execution, Place, ReportMessage},
};
use uuid::Uuid;

use crate::{
    children::Children,
    roster::{CREATE_WITHIN, TERM},
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Job {
    /// The claim is not answered yet, or was when nothing might be created.
    Claiming,
    /// Its creation was begun.
    Creating { canceled: bool },
    /// The adoption is not answered yet.
    Adopting,
    /// It executes.
    Live,
    /// It executed and ended; reported until that is recorded.
    Ended(End),
    /// It does not execute and never will; reported as well.
    Void(End),
    /// Nothing is to be done about it.
    Gone,
}

/// A report and who waits for the answer.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) message: ReportMessage,
    /// Index of the executor; `None` for a forged report.
    pub(crate) from: Option<usize>,
    pub(crate) incarnation: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// A data folder: one executor after the other, all with one id.
    Folder,
    /// A cluster that several executors reach; each process has an id of its own.
    Cluster,
}

/// What gets through between an executor and the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    Open,
    /// Nothing.
    Cut,
    /// Everything but its heartbeats.
    Mute,
    /// Everything but the answers to its heartbeats.
    Deaf,
}

pub(crate) struct Executor {
    pub(crate) index: usize,
    pub(crate) kind: Kind,
    pub(crate) site: Name,
    pub(crate) id: ExecutorId,
    pub(crate) pools: Vec<Name>,
    pub(crate) up: bool,
    /// It never starts again.
    pub(crate) dead: bool,
    pub(crate) link: Link,
    pub(crate) incarnation: u32,
    draining: bool,
    jobs: BTreeMap<Execution, (Name, Job)>,
    /// When the last heartbeat that was answered was sent, on the monotonic clock.
    confirmed_at: Option<u64>,
    /// Pools whose inventory is not answered: nothing is claimed before.
    unready: BTreeSet<Name>,
    outbox: Vec<Letter>,
}

impl Executor {
    /// One that was never started.
    pub(crate) fn new(index: usize, kind: Kind, site: Name, pools: Vec<Name>) -> Self {
        Self {
            index,
            kind,
            site,
            id: ExecutorId::new(Uuid::from_u128(index as u128 + 1)),
            pools,
            up: false,
            dead: false,
            link: Link::Open,
            incarnation: 0,
            draining: false,
            jobs: BTreeMap::new(),
            confirmed_at: None,
            unready: BTreeSet::new(),
            outbox: Vec::new(),
        }
    }

    /// Whether it can deal with new work now.
    pub(crate) fn ready(&self) -> bool {
        self.up && self.unready.is_empty() && !self.draining && self.link != Link::Cut
    }

    /// Whether its right to act was confirmed so recently that it may still create something.
    fn may_create(&self, mono: u64) -> bool {
        self.confirmed_at
            .is_some_and(|at| mono + CREATE_WITHIN <= at + TERM)
    }

    /// Reports that left since the last call.
    pub(crate) fn sent(&mut self) -> Vec<Letter> {
        std::mem::take(&mut self.outbox)
    }

    fn send(&mut self, report: Report) {
        let message = ReportMessage {
            executor: self.id,
            report,
        };
        let (from, incarnation) = (Some(self.index), self.incarnation);
        self.outbox.push(Letter {
            message,
            from,
            incarnation,
        });
    }

    fn report_start(&mut self, execution: Execution) {
        self.send(Report::Started {
            execution,
            at: Timestamp::from_millis(0),
            place: Place::default(),
        });
    }

    fn report_end(&mut self, execution: Execution, end: End) {
        self.send(Report::Finished {
            execution,
            end,
            at: Timestamp::from_millis(0),
            log_bytes: 7,
            detail: (end == End::Lost).then(|| "nothing is left of it".to_owned()),
        });
    }

    /// Looks at everything it follows.
    pub(crate) fn observe(&mut self, children: &mut Children) {
        if !self.up {
            return;
        }
        for (execution, job) in self.all_jobs() {
            let child = children.get(&self.site, execution);
            match (job, child) {
                (Job::Live, None) => self.ended(execution, End::Lost),
                (Job::Live, Some(child)) => {
                    if let Some(end) = child.end {
                        self.ended(execution, end);
                    }
                }
                (Job::Creating { .. }, Some(child)) if child.execution.token > execution.token => {
                    self.set(execution, Job::Gone);
                }
                (Job::Creating { canceled: false }, Some(_)) => {
                    self.set(execution, Job::Live);
                    self.report_start(execution);
                }
                (Job::Creating { canceled: true }, Some(_)) => {
                    children.end(&self.site, execution, End::Canceled);
                    self.set(execution, Job::Live);
                }
                _ => {}
            }
        }
    }

    fn ended(&mut self, execution: Execution, end: End) {
        self.set(execution, Job::Ended(end));
        self.report_end(execution, end);
    }

    fn job(&self, execution: Execution) -> Option<Job> {
        self.jobs.get(&execution).map(|(_, job)| *job)
    }

    fn all_jobs(&self) -> Vec<(Execution, Job)> {
        let jobs = self.jobs.iter();
        jobs.map(|(execution, (_, job))| (*execution, *job))
            .collect()
    }

    fn set(&mut self, execution: Execution, next: Job) {
        if let Some((_, job)) = self.jobs.get_mut(&execution) {
            *job = next;
        }
    }
}
