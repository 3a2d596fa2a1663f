//! How each event changes the state. Infallible: what is decided fits, and what does not concern
//! live work changes nothing.

mod executors;
mod leases;

use super::{OUTCOME_MEMORY, Pool, Project, Run, STARTED_MEMORY, Standing, State, unheard};
use crate::{
    command::Outcome,
    commit::Commit,
    digest::Digest,
    event::{Event, RunRequested},
    ids::{CommandKey, DeliveryId, ProjectId, Provider, RunId},
    name::Name,
    run::Status,
    timestamp::Timestamp,
};

/// A timer that is due whatever the clock says.
const AT_ONCE: Timestamp = Timestamp::from_millis(0);

impl State {
    /// Folds one event that happened `at`.
    pub(crate) fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ConductorTookOver { epoch, .. } => self.head.epoch = *epoch,
            Event::ProjectCreated { project, slug } => self.create_project(*project, slug),
            Event::StackChanged { project, stack, .. } => {
                if let Some(project) = self.projects.get_mut(project) {
                    project.stack = Some(*stack);
                }
            }
            Event::PoolResized {
                project,
                pool,
                size,
            } => {
                if let Some(project) = self.projects.get_mut(project) {
                    project.pools.entry(pool.clone()).or_default().size = *size;
                }
            }
            Event::PoolPaused { project, pool } => self.pause(*project, pool, true),
            Event::PoolResumed { project, pool } => self.pause(*project, pool, false),
            Event::ExecutorJoined {
                executor,
                pool,
                site,
                ..
            } => self.join(*executor, pool, site),
            Event::ExecutorDraining { executor } => self.stand(*executor, Standing::Draining),
            Event::ExecutorReturned { executor } => self.stand(*executor, Standing::Present),
            Event::ExecutorSilent { executor } => self.stand(*executor, Standing::Silent),
            Event::ExecutorLeft { executor } => self.stand(*executor, Standing::Left),
            Event::RepositoryAttached {
                project,
                repository,
            } => {
                self.repositories.insert(repository.clone(), *project);
            }
            Event::RunRequested(requested) => self.request(requested, at),
            Event::SlotLeased {
                project,
                pool,
                slot,
                run,
                token,
            } => {
                self.lease(*project, pool, *slot, *run, *token);
            }
            Event::RunDispatched { run, claim_by, .. } => {
                self.with_run(*run, |run| run.status = Status::Dispatched);
                self.set_timer(*run, Some(*claim_by));
            }
            Event::RunClaimed {
                run,
                executor,
                deadline,
                ..
            } => {
                self.with_run(*run, |run| run.executor = Some(*executor));
                self.with_lease(*run, |lease| lease.executor = Some(*executor));
                self.set_timer(*run, Some(*deadline));
            }
            Event::RunStarted { run, .. } => {
                let mut deadline = None;
                self.with_run(*run, |run| {
                    run.status = Status::Running;
                    deadline = Some(at.after(unheard(run.timeout_s)));
                });
                self.set_timer(*run, deadline);
            }
            Event::RunAttemptLost {
                run,
                attempt,
                retry_at,
                ..
            } => {
                self.with_run(*run, |run| {
                    run.status = Status::Pending;
                    run.attempt = attempt + 1;
                    run.executor = None;
                    run.slot = None;
                    run.token = 0;
                });
                self.set_timer(*run, Some(*retry_at));
            }
            Event::RunRequeued { run, .. } => {
                self.set_timer(*run, None);
                self.enqueue(*run);
            }
            Event::RunDeferred { run, .. } => {
                self.dequeue(*run);
                self.set_timer(*run, Some(AT_ONCE));
            }
            Event::RunCancelRequested { run, reason } => {
                self.with_run(*run, |run| run.cancel = Some(*reason));
            }
            Event::RunFinished(finished) => self.finish(finished.run),
            Event::SlotReleasing {
                project,
                pool,
                slot,
                ..
            } => {
                if let Some(lease) = self.lease_mut(*project, pool, *slot) {
                    lease.releasing = true;
                }
            }
            Event::SlotLeaseMoved {
                project,
                pool,
                slot,
                run,
                token,
                executor,
            } => self.move_lease(*project, pool, *slot, *run, *token, *executor),
            Event::SlotLeaseAdopted {
                project,
                pool,
                slot,
                ..
            } => {
                if let Some(lease) = self.lease_mut(*project, pool, *slot) {
                    lease.moved = false;
                }
            }
            Event::SlotReleased {
                project,
                pool,
                slot,
                token,
                ..
            } => {
                self.release(*project, pool, *slot, *token);
            }
            Event::DeliveryDecided(_)
            | Event::CommandRejected { .. }
            | Event::InputLost { .. }
            | Event::InputParked { .. } => {}
        }
    }

    /// Folds a stored commit whose bytes have this hash.
    pub(crate) fn apply(&mut self, commit: &Commit, hash: Digest) {
        for event in commit.events() {
            self.evolve(event, commit.at);
        }
        self.seal(commit, hash);
    }

    /// What a commit changes beyond its events.
    pub(crate) fn seal(&mut self, commit: &Commit, hash: Digest) {
        self.head.n = commit.n;
        self.head.hash = hash;
        self.head.at = commit.at;
        self.cursors.clone_from(&commit.cursors);
        if let Some(key) = command_key(commit) {
            let rejection = commit.events().find_map(|event| match event {
                Event::CommandRejected { code } => Some(*code),
                _ => None,
            });
            let outcome = Outcome {
                revision: commit.n,
                rejection,
            };
            self.outcomes
                .insert(key, outcome, commit.at.after(OUTCOME_MEMORY));
        }
        self.started.forget(commit.at);
        self.outcomes.forget(commit.at);
    }

    fn create_project(&mut self, id: ProjectId, slug: &Name) {
        let project = Project {
            slug: slug.clone(),
            stack: None,
            pools: [].into(),
        };
        self.projects.entry(id).or_insert(project);
    }

    fn request(&mut self, requested: &RunRequested, at: Timestamp) {
        self.requested += 1;
        let run = Run {
            project: requested.project,
            pool: requested.pool.clone(),
            trigger: requested.trigger.clone(),
            delivery: requested.delivery.clone(),
            event: requested.event.clone(),
            spec: requested.spec.clone(),
            timeout_s: requested.timeout_s,
            age: self.requested,
            concurrency: requested.concurrency,
            status: Status::Pending,
            attempt: 1,
            slot: None,
            token: 0,
            executor: None,
            cancel: None,
            timer: None,
            traceparent: requested.traceparent.clone(),
        };
        let expires = at.after(STARTED_MEMORY);
        self.started
            .insert(requested.natural_key, requested.run, expires);
        self.started
            .insert(run_key(requested.run), requested.run, expires);
        let delivery = delivery_key(&requested.provider, &requested.delivery);
        self.started.insert(delivery, requested.run, expires);
        self.runs.insert(requested.run, run);
        self.enqueue(requested.run);
    }

    fn pause(&mut self, project: ProjectId, pool: &Name, paused: bool) {
        if let Some(pool) = self.pool_mut(project, pool) {
            pool.paused = paused;
        }
    }

    fn finish(&mut self, id: RunId) {
        self.set_timer(id, None);
        self.dequeue(id);
        self.runs.remove(&id);
    }

    fn enqueue(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (project, pool, age) = (run.project, run.pool.clone(), run.age);
        if let Some(pool) = self.pool_mut(project, &pool) {
            pool.queue.insert((age, id));
        }
    }

    fn dequeue(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else {
            return;
        };
        let (project, pool, age) = (run.project, run.pool.clone(), run.age);
        if let Some(pool) = self.pool_mut(project, &pool) {
            pool.queue.remove(&(age, id));
        }
    }

    fn set_timer(&mut self, id: RunId, timer: Option<Timestamp>) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut run.timer, timer) {
            self.timers.remove(&(old, id));
        }
        if let Some(new) = timer {
            self.timers.insert((new, id));
        }
    }

    fn with_run(&mut self, id: RunId, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.get_mut(&id) {
            change(run);
        }
    }

    fn pool_mut(&mut self, project: ProjectId, pool: &Name) -> Option<&mut Pool> {
        self.projects.get_mut(&project)?.pools.get_mut(pool)
    }
}

/// Under which digest a delivery that started something is remembered.
pub(crate) fn delivery_key(provider: &Provider, delivery: &DeliveryId) -> Digest {
    Digest::of_parts(&[
        b"delivery",
        provider.as_str().as_bytes(),
        delivery.as_str().as_bytes(),
    ])
}

/// Under which digest a run's id is remembered.
pub(crate) fn run_key(run: RunId) -> Digest {
    Digest::of_parts(&[b"run", run.uuid().as_bytes()])
}

fn command_key(commit: &Commit) -> Option<CommandKey> {
    if commit.cause.stream != crate::core::COMMANDS {
        return None;
    }
    commit.cause.id.as_deref()?.parse().ok()
}
