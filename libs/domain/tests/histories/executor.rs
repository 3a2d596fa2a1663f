//! An executor as the protocol asks it to be. What it has started survives its own death.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{
    ExecutorId, Name, Report, Timestamp,
    report::{End, Execution, Place, Reply, ReportMessage},
    run::RunCommand,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Job {
    /// The claim is not answered yet. Forgotten when the executor dies.
    Claiming,
    /// It executes.
    Live,
    /// It executed and ended; reported until that is recorded.
    Ended(End),
    /// It never executed and never will; reported as well. Forgotten when the executor dies.
    Void(End),
    /// Reported and recorded. Forgotten when the executor dies.
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

pub(crate) struct Executor {
    pub(crate) index: usize,
    pub(crate) id: ExecutorId,
    pub(crate) pools: Vec<Name>,
    pub(crate) up: bool,
    pub(crate) jobs: BTreeMap<Execution, (Name, Job)>,
    /// What really executes, whatever the executor believes.
    children: BTreeSet<Execution>,
    incarnation: u32,
    /// Pools whose inventory is not answered: nothing is claimed before.
    unready: BTreeSet<Name>,
    outbox: Vec<Letter>,
}

impl Executor {
    pub(crate) fn new(index: usize, id: ExecutorId, pools: Vec<Name>) -> Self {
        Self {
            index,
            id,
            pools,
            up: true,
            jobs: BTreeMap::new(),
            children: BTreeSet::new(),
            incarnation: 0,
            unready: BTreeSet::new(),
            outbox: Vec::new(),
        }
    }

    pub(crate) fn ready(&self) -> bool {
        self.up && self.unready.is_empty()
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = Execution> {
        self.children.iter().copied()
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

    fn report_end(&mut self, execution: Execution, end: End) {
        let at = Timestamp::from_millis(0);
        self.send(Report::Finished {
            execution,
            end,
            at,
            log_bytes: 7,
            detail: None,
        });
    }

    /// Whether the command is for this executor and it can deal with it now.
    pub(crate) fn takes(&self, command: &RunCommand) -> bool {
        let addressed = match command {
            RunCommand::Start(_) => true,
            RunCommand::Cancel { executor, .. } => *executor == self.id,
        };
        self.ready() && addressed && self.pools.contains(command.pool())
    }

    pub(crate) fn obey(&mut self, command: &RunCommand) {
        let execution = command.execution();
        let job = self.jobs.get(&execution).map(|(_, job)| *job);
        let next = match (command, job) {
            (RunCommand::Start(_), None | Some(Job::Claiming)) => {
                self.send(Report::Claim(execution));
                Job::Claiming
            }
            (RunCommand::Start(_), Some(Job::Live)) => Job::Live,
            (_, Some(job @ (Job::Ended(end) | Job::Void(end)))) => {
                self.report_end(execution, end);
                job
            }
            (RunCommand::Start(_), Some(Job::Gone)) => Job::Gone,
            (RunCommand::Cancel { .. }, job) => {
                self.report_end(execution, End::Canceled);
                if self.children.remove(&execution) || job == Some(Job::Live) {
                    Job::Ended(End::Canceled)
                } else {
                    Job::Void(End::Canceled)
                }
            }
        };
        self.jobs.insert(execution, (command.pool().clone(), next));
    }

    /// An answer of the leader to one of its reports; true when an execution starts.
    pub(crate) fn hear(&mut self, letter: &Letter, reply: &Reply) -> bool {
        if !self.up || letter.incarnation != self.incarnation {
            return false;
        }
        match (&letter.message.report, reply) {
            (Report::Claim(execution), Reply::Granted) => self.granted(*execution),
            (Report::Claim(execution), Reply::Refused) => {
                if let Some((_, job @ Job::Claiming)) = self.jobs.get_mut(execution) {
                    *job = Job::Gone;
                }
                false
            }
            (Report::Finished { execution, .. }, Reply::Recorded) => {
                if let Some((_, job @ (Job::Ended(_) | Job::Void(_)))) =
                    self.jobs.get_mut(execution)
                {
                    *job = Job::Gone;
                }
                false
            }
            (Report::Inventory { pool, .. }, Reply::Missing(missing)) => {
                if self.unready.remove(pool) {
                    for execution in missing {
                        let lost = (pool.clone(), Job::Void(End::Lost));
                        self.jobs.insert(*execution, lost);
                        self.report_end(*execution, End::Lost);
                    }
                }
                false
            }
            (Report::Started { .. }, Reply::Recorded) => false,
            (report, reply) => panic!("{reply:?} is no answer to {report:?}"),
        }
    }

    fn granted(&mut self, execution: Execution) -> bool {
        let Some((_, job @ Job::Claiming)) = self.jobs.get_mut(&execution) else {
            return false;
        };
        *job = Job::Live;
        self.children.insert(execution);
        self.send(Report::Started {
            execution,
            at: Timestamp::from_millis(0),
            place: Place::default(),
        });
        true
    }

    /// A live execution ends by itself; told at once, or after the next start of the executor.
    pub(crate) fn end(&mut self, execution: Execution, end: End) {
        if let Some((_, job @ Job::Live)) = self.jobs.get_mut(&execution) {
            *job = Job::Ended(end);
            self.children.remove(&execution);
            if self.up {
                self.report_end(execution, end);
            }
        }
    }

    pub(crate) fn crash(&mut self, how: u8) {
        self.up = false;
        self.incarnation += 1;
        if how > 0 {
            self.children.clear();
        }
        self.jobs.retain(|_, (_, job)| match job {
            Job::Claiming | Job::Void(_) | Job::Gone => false,
            Job::Live if how == 2 => false,
            Job::Live if how == 1 => {
                *job = Job::Ended(End::Lost);
                true
            }
            Job::Live | Job::Ended(_) => true,
        });
    }

    pub(crate) fn start(&mut self) {
        if !self.up {
            self.up = true;
            self.unready = self.pools.iter().cloned().collect();
            self.resend();
        }
    }

    pub(crate) fn resend(&mut self) {
        if !self.up {
            return;
        }
        for pool in self.unready.clone() {
            let here = |(execution, (at, job)): (&Execution, &(Name, Job))| {
                (*at == pool && *job != Job::Gone).then_some(*execution)
            };
            let executions = self.jobs.iter().filter_map(here).collect();
            self.send(Report::Inventory { pool, executions });
        }
        let open: Vec<_> = self
            .jobs
            .iter()
            .map(|(execution, (_, job))| (*execution, *job))
            .collect();
        for (execution, job) in open {
            match job {
                Job::Claiming => self.send(Report::Claim(execution)),
                Job::Ended(end) | Job::Void(end) => self.report_end(execution, end),
                Job::Live => {
                    self.send(Report::Started {
                        execution,
                        at: Timestamp::from_millis(0),
                        place: Place::default(),
                    });
                }
                Job::Gone => {}
            }
        }
    }
}
