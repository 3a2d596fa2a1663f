//! What an executor makes of commands, orders and answers.

use maestro_domain::{
    Name, Report,
    report::{Assignment, End, Execution, Order, Orders, Reply},
    run::RunCommand,
};

use super::{Executor, Job, Kind, Letter, Link};
use crate::{
    children::{Children, Creation},
    roster::CREATE_WITHIN,
};

/// How long a cluster may take to start what was created in it, in seconds.
const START_WITHIN: u64 = 30 * 60;

impl Executor {
    /// Whether the command is for this executor and it can deal with it now.
    pub(crate) fn takes(&self, command: &RunCommand) -> bool {
        self.ready() && self.pools.contains(command.pool())
    }

    pub(crate) fn obey(&mut self, command: &RunCommand) {
        let execution = command.execution();
        match self.job(execution) {
            None | Some(Job::Claiming) => {
                self.send(Report::Claim(execution));
                let job = (command.pool().clone(), Job::Claiming);
                self.jobs.insert(execution, job);
            }
            Some(Job::Ended(end) | Job::Void(end)) => self.report_end(execution, end),
            Some(_) => {}
        }
    }

    pub(crate) fn follow(&mut self, order: &Order, children: &mut Children) {
        if !self.up || self.link == Link::Cut {
            return;
        }
        match order {
            Order::Adopt(Assignment { pool, execution }) => self.adopt(pool, *execution),
            Order::Cancel(Assignment { pool, execution }) => {
                self.cancel(pool, *execution, children);
            }
        }
    }

    fn adopt(&mut self, pool: &Name, execution: Execution) {
        if matches!(self.job(execution), None | Some(Job::Adopting | Job::Gone)) {
            self.jobs.insert(execution, (pool.clone(), Job::Adopting));
            self.send(Report::Adopt(execution));
        }
    }

    fn cancel(&mut self, pool: &Name, execution: Execution, children: &mut Children) {
        let next = match self.job(execution) {
            Some(Job::Creating { .. }) => {
                let late = "a cancel overtook a creation";
                children.witnessed.insert(late);
                Job::Creating { canceled: true }
            }
            Some(job @ (Job::Ended(end) | Job::Void(end))) => {
                self.report_end(execution, end);
                job
            }
            _ => {
                children.end(&self.site, execution, End::Canceled);
                let child = children.adopt(&self.site, execution);
                let end = child.and_then(|child| child.end);
                self.report_end(execution, end.unwrap_or(End::Canceled));
                end.map_or(Job::Void(End::Canceled), Job::Ended)
            }
        };
        self.jobs.insert(execution, (pool.clone(), next));
    }

    /// The answer to a heartbeat that was sent at `sent_at`.
    pub(crate) fn confirmed(&mut self, sent_at: u64, orders: &Orders, children: &mut Children) {
        self.confirmed_at = self.confirmed_at.max(Some(sent_at));
        for order in &orders.orders {
            self.follow(order, children);
        }
        if !orders.known {
            self.introduce();
            self.resend();
        }
        for (execution, job) in self.all_jobs() {
            if job == Job::Claiming {
                self.send(Report::Claim(execution));
            }
        }
    }

    /// An answer of the leader to one of its reports.
    pub(crate) fn hear(&mut self, letter: &Letter, reply: &Reply, children: &mut Children) {
        if !self.up || self.link == Link::Cut || letter.incarnation != self.incarnation {
            return;
        }
        match (&letter.message.report, reply) {
            (Report::Claim(execution), Reply::Granted) => self.granted(*execution, children),
            (Report::Adopt(execution), Reply::Granted) => self.take_over(*execution, children),
            (Report::Claim(execution), Reply::Refused) => self.refused(*execution, Job::Claiming),
            (Report::Adopt(execution), Reply::Refused) => self.refused(*execution, Job::Adopting),
            (Report::Finished { execution, .. }, Reply::Recorded) => {
                if let Some(Job::Ended(_) | Job::Void(_)) = self.job(*execution) {
                    children.collect(&self.site, *execution);
                    self.set(*execution, Job::Gone);
                }
            }
            (Report::Inventory { pool, .. }, Reply::Differences { missing, stale }) => {
                if self.unready.remove(pool) {
                    self.forget(stale);
                    for execution in missing {
                        self.adopt(pool, *execution);
                    }
                }
            }
            (Report::Started { .. } | Report::Draining | Report::Leaving, Reply::Recorded) => {}
            (report, reply) => panic!("{reply:?} is no answer to {report:?}"),
        }
    }

    fn granted(&mut self, execution: Execution, children: &mut Children) {
        let Some((pool, Job::Claiming)) = self.jobs.get(&execution) else {
            return;
        };
        if self.may_create(children.mono) {
            children.begun.push(Creation {
                site: self.site.clone(),
                execution,
                pool: pool.clone(),
                by: children.mono + CREATE_WITHIN,
                start_within: match self.kind {
                    Kind::Folder => 0,
                    Kind::Cluster => START_WITHIN,
                },
            });
            self.set(execution, Job::Creating { canceled: false });
        } else {
            let held_back = "a granted claim was held back";
            children.witnessed.insert(held_back);
        }
    }

    /// The lease is its own: finds what there is of the execution.
    fn take_over(&mut self, execution: Execution, children: &mut Children) {
        if self.job(execution) != Some(Job::Adopting) {
            return;
        }
        match children.adopt(&self.site, execution) {
            Some(child) => {
                children.witnessed.insert(match child.end {
                    None => "a live execution was adopted",
                    Some(_) => "an ended execution was adopted",
                });
                self.set(execution, Job::Live);
                if child.end.is_none() {
                    self.report_start(execution);
                }
            }
            None => {
                let nothing = "nothing was left to adopt";
                children.witnessed.insert(nothing);
                self.set(execution, Job::Void(End::Lost));
                self.report_end(execution, End::Lost);
            }
        }
    }

    fn refused(&mut self, execution: Execution, asked: Job) {
        if self.job(execution) == Some(asked) {
            self.set(execution, Job::Gone);
        }
    }

    /// What is not its own any more is not followed any more.
    fn forget(&mut self, stale: &[Execution]) {
        for execution in stale {
            if matches!(self.job(*execution), Some(Job::Live | Job::Ended(_))) {
                self.jobs.remove(execution);
            }
        }
    }
}
