//! How executors start, stop and die.

use maestro_domain::{
    ExecutorId, Report,
    report::{End, Membership},
};
use uuid::Uuid;

use super::{Executor, Job, Kind, Link};
use crate::{children::Children, inputs::name};

impl Executor {
    pub(crate) fn start(&mut self, children: &Children) {
        if self.up || self.dead {
            return;
        }
        self.up = true;
        if self.kind == Kind::Cluster {
            let number = self.index as u128 + 1 + 1000 * u128::from(self.incarnation);
            self.id = ExecutorId::new(Uuid::from_u128(number));
        }
        (self.draining, self.confirmed_at) = (false, None);
        for child in children.found(&self.site) {
            if self.pools.contains(&child.pool) {
                let job = child.end.map_or(Job::Live, Job::Ended);
                self.jobs.insert(child.execution, (child.pool.clone(), job));
            }
        }
        self.introduce();
        self.resend();
    }

    /// Tells what it has, before it claims anything.
    pub(super) fn introduce(&mut self) {
        self.unready = self.pools.iter().cloned().collect();
    }

    /// Takes nothing new.
    pub(crate) fn drain(&mut self) {
        if self.up {
            self.draining = true;
            self.send(Report::Draining);
        }
    }

    /// Stops in good order: nothing of it is being created any more.
    pub(crate) fn leave(&mut self) {
        if self.up && self.link != Link::Cut {
            self.send(Report::Leaving);
            self.stop();
        }
    }

    /// 0: its executions live on. 1: they die with it, their records stay. 2: so do the records.
    /// 3: as 0, and it never starts again.
    pub(crate) fn crash(&mut self, how: u8, children: &mut Children) {
        if !self.up {
            return;
        }
        for (execution, job) in self.all_jobs() {
            if matches!(job, Job::Live | Job::Creating { .. }) {
                match how {
                    1 => children.end(&self.site, execution, End::Lost),
                    2 => children.vanish(&self.site, execution),
                    _ => {}
                }
            }
        }
        self.dead = how == 3;
        self.stop();
    }

    fn stop(&mut self) {
        self.up = false;
        self.incarnation += 1;
        self.jobs.clear();
    }

    /// Asks again for everything it has no answer to.
    pub(crate) fn resend(&mut self) {
        if !self.up {
            return;
        }
        for pool in self.unready.clone() {
            let jobs = self.jobs.iter();
            let here = jobs.filter(|(_, (at, job))| *at == pool && *job != Job::Gone);
            let executions = here.map(|(execution, _)| *execution).collect();
            let backend = match self.kind {
                Kind::Folder => name("process"),
                Kind::Cluster => name("kubernetes"),
            };
            let membership = Membership {
                site: self.site.clone(),
                backend,
            };
            self.send(Report::Inventory {
                pool,
                executions,
                membership: Some(membership),
            });
        }
        for (execution, job) in self.all_jobs() {
            match job {
                Job::Claiming => self.send(Report::Claim(execution)),
                Job::Adopting => self.send(Report::Adopt(execution)),
                Job::Ended(end) | Job::Void(end) => self.report_end(execution, end),
                Job::Live => self.report_start(execution),
                Job::Creating { .. } | Job::Gone => {}
            }
        }
        if self.draining {
            self.send(Report::Draining);
        }
    }
}
