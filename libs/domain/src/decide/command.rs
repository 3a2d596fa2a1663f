//! Commands: each ends in exactly one commit, possibly a rejection.

use super::{Draft, schedule};
use crate::{
    command::{Command, CommandMessage, Rejection},
    event::{Event, RunRequested},
    ids::{ProjectId, RunId},
    name::Name,
    report::Reply,
    run::Reason,
    sealed::VaultKey,
    state::run_key,
};

const MAX_POOL_SIZE: u32 = 10_000;

/// Decides a command. A key that was seen is answered with its outcome and changes nothing.
pub(super) fn decide(draft: &mut Draft<'_>, message: &CommandMessage) -> Option<Reply> {
    if let Some(outcome) = draft.state.outcomes.get(&message.key) {
        return Some(Reply::Outcome(outcome.clone()));
    }
    if let Some(reason) = &message.reason {
        let sealed = draft.seal(VaultKey::reason(&message.key), reason.clone().into_bytes());
        draft.decision.reason = Some(sealed);
    }
    if let Err(code) = carry_out(draft, &message.command) {
        draft.push(Event::CommandRejected { code });
    }
    None
}

fn carry_out(draft: &mut Draft<'_>, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::CreateProject { project, slug } => create_project(draft, *project, slug),
        Command::SetStack {
            project,
            digest,
            document,
        } => {
            known(draft, *project)?;
            let (stack, document) = (*digest, document.clone());
            draft.push(Event::StackChanged {
                project: *project,
                stack,
                document,
            });
            Ok(())
        }
        Command::ResizePool {
            project,
            pool,
            size,
        } => resize(draft, *project, pool, *size),
        Command::PausePool { project, pool } => {
            if pool_of(draft, *project, pool)? {
                return Err(Rejection::PoolPaused);
            }
            let (project, pool) = (*project, pool.clone());
            draft.push(Event::PoolPaused { project, pool });
            Ok(())
        }
        Command::ResumePool { project, pool } => {
            if !pool_of(draft, *project, pool)? {
                return Err(Rejection::PoolNotPaused);
            }
            let pool = pool.clone();
            draft.push(Event::PoolResumed {
                project: *project,
                pool,
            });
            schedule::fill(draft, *project);
            Ok(())
        }
        Command::RetryRun { request, run } => retry(draft, request, *run),
        Command::AttachRepository {
            project,
            repository,
        } => {
            known(draft, *project)?;
            if draft
                .state
                .repositories
                .get(repository)
                .is_some_and(|owner| owner != project)
            {
                return Err(Rejection::RepositoryTaken);
            }
            let repository = repository.clone();
            draft.push(Event::RepositoryAttached {
                project: *project,
                repository,
            });
            Ok(())
        }
        Command::CancelRun { run } => cancel_run(draft, *run),
    }
}

fn known(draft: &mut Draft<'_>, project: ProjectId) -> Result<(), Rejection> {
    draft.scope(project);
    draft
        .state
        .projects
        .contains_key(&project)
        .then_some(())
        .ok_or(Rejection::ProjectUnknown)
}

/// Whether a pool is paused.
fn pool_of(draft: &mut Draft<'_>, project: ProjectId, pool: &Name) -> Result<bool, Rejection> {
    known(draft, project)?;
    let pools = &draft.state.projects.get(&project).map(|known| &known.pools);
    pools
        .and_then(|pools| pools.get(pool))
        .map(|pool| pool.paused)
        .ok_or(Rejection::PoolUnknown)
}

/// A retry is a new run with the specification of the old one; its natural key is its own, so that
/// it neither is nor becomes a repetition of the action that started the first.
fn retry(draft: &mut Draft<'_>, request: &RunRequested, run: RunId) -> Result<(), Rejection> {
    pool_of(draft, request.project, &request.pool)?;
    let state = &draft.state;
    if state.runs.contains_key(&request.run) {
        return Err(Rejection::RunLive);
    }
    let taken = state.may_execute(request.project, run);
    if taken || state.started.get(&run_key(run)).is_some() {
        return Err(Rejection::RunExists);
    }
    let request = RunRequested {
        run,
        retry_of: Some(request.run),
        natural_key: run_key(run),
        traceparent: draft.traceparent.clone(),
        ..request.clone()
    };
    let project = request.project;
    draft.push(Event::RunRequested(Box::new(request)));
    schedule::supersede(draft, run);
    schedule::fill(draft, project);
    Ok(())
}

fn create_project(draft: &mut Draft<'_>, project: ProjectId, slug: &Name) -> Result<(), Rejection> {
    if draft
        .state
        .project_by_slug(slug.as_str())
        .is_some_and(|(id, _)| id != project)
    {
        return Err(Rejection::SlugTaken);
    }
    if draft
        .state
        .projects
        .get(&project)
        .is_some_and(|known| known.slug != *slug)
    {
        return Err(Rejection::ProjectExists);
    }
    draft.push(Event::ProjectCreated {
        project,
        slug: slug.clone(),
    });
    draft.scope(project);
    Ok(())
}

fn resize(
    draft: &mut Draft<'_>,
    project: ProjectId,
    pool: &Name,
    size: u32,
) -> Result<(), Rejection> {
    known(draft, project)?;
    if size > MAX_POOL_SIZE {
        return Err(Rejection::PoolTooLarge);
    }
    draft.push(Event::PoolResized {
        project,
        pool: pool.clone(),
        size,
    });
    schedule::fill(draft, project);
    Ok(())
}

fn cancel_run(draft: &mut Draft<'_>, id: RunId) -> Result<(), Rejection> {
    let Some(run) = draft.state.runs.get(&id).cloned() else {
        let ended = draft.state.started.get(&run_key(id)).is_some();
        return Err(if ended {
            Rejection::RunEnded
        } else {
            Rejection::RunUnknown
        });
    };
    draft.scope(run.project);
    if run.cancel.is_some() {
        return Err(Rejection::CancelPending);
    }
    schedule::cancel(draft, id, Reason::Canceled);
    schedule::fill(draft, run.project);
    Ok(())
}
