//! Slots go to the oldest waiting run whose concurrency group is free.

use std::time::Duration;

use uuid::Uuid;

use super::Draft;
use crate::{
    event::{Event, RunFinished, RunResult},
    ids::{ProjectId, RunId},
    name::Name,
    run::Reason,
    sealed::Sealed,
    state::Run,
};

/// An attempt that nobody claims for so long is lost.
pub(super) const CLAIM_WITHIN: Duration = Duration::from_secs(30 * 60);

/// Attempts a run gets when infrastructure fails them.
pub(super) const MAX_ATTEMPTS: u32 = 3;

/// Leases every free slot of a project that a waiting run may have, as far as the decision has
/// room. Groups reach over pools, so a slot freed in one can let a run of another start.
pub(super) fn fill(draft: &mut Draft<'_>, project: ProjectId) {
    let Some(state) = draft.state.projects.get(&project) else {
        return;
    };
    let waiting = state
        .pools
        .iter()
        .filter(|(_, pool)| !pool.queue.is_empty() && pool.free_slot().is_some());
    for pool in waiting.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
        if !fill_pool(draft, project, &pool) {
            return;
        }
    }
}

/// False when the decision is full; the run that should be next goes on with the next tick.
fn fill_pool(draft: &mut Draft<'_>, project: ProjectId, pool: &Name) -> bool {
    let mut last = Place::default();
    while let Some((place, run, attempt)) = next(draft, project, pool, last) {
        if draft.full() {
            draft.push(Event::RunDeferred { run, attempt });
            return false;
        }
        last = place;
        let slot = place.slot;
        let token = draft.state.last_token + 1;
        draft.push(Event::SlotLeased {
            project,
            pool: pool.clone(),
            slot,
            run,
            token,
        });
        let claim_by = draft.now.after(CLAIM_WITHIN);
        draft.push(Event::RunDispatched {
            run,
            attempt,
            token,
            claim_by,
        });
    }
    true
}

/// How far a pass over a pool has come.
#[derive(Clone, Copy, Default)]
struct Place {
    slot: u32,
    age: u64,
}

/// The next free slot and the oldest run behind `last` that may have it.
fn next(
    draft: &Draft<'_>,
    project: ProjectId,
    name: &Name,
    last: Place,
) -> Option<(Place, RunId, u32)> {
    let state = &draft.state;
    let pool = state.projects.get(&project)?.pools.get(name)?;
    let slot = pool.free_slot_after(last.slot)?;
    let behind = (last.age + 1, RunId::new(Uuid::nil()));
    pool.queue.range(behind..).find_map(|(age, id)| {
        let run = state.runs.get(id)?;
        let busy = run
            .concurrency
            .is_some_and(|c| state.groups.contains_key(&c.group));
        (!busy).then_some((Place { slot, age: *age }, *id, run.attempt))
    })
}

/// A newer run of a group ends the older ones, where its trigger says so. What the decision has no
/// room for goes on with the next tick; the run does not start before.
pub(super) fn supersede(draft: &mut Draft<'_>, newer: RunId) {
    let Some(run) = draft.state.runs.get(&newer) else {
        return;
    };
    let Some(wanted) = run.concurrency.filter(|wanted| wanted.cancel_superseded) else {
        return;
    };
    let (age, attempt) = (run.age, run.attempt);
    let outdated = |run: &Run| {
        let group = run.concurrency.map(|concurrency| concurrency.group);
        run.age < age && run.cancel.is_none() && group == Some(wanted.group)
    };
    let runs = draft.state.runs.iter();
    let older: Vec<RunId> = runs
        .filter(|(_, run)| outdated(run))
        .map(|(id, _)| *id)
        .collect();
    for older in older {
        if draft.full() {
            draft.push(Event::RunDeferred {
                run: newer,
                attempt,
            });
            return;
        }
        cancel(draft, older, Reason::Superseded);
    }
}

/// Gives up the slot of a run of which no execution exists any more.
pub(super) fn release(draft: &mut Draft<'_>, id: RunId, run: &Run) {
    if let Some(slot) = run.slot {
        draft.push(Event::SlotReleased {
            project: run.project,
            pool: run.pool.clone(),
            slot,
            run: id,
            token: run.token,
        });
    }
}

/// Ends a run that has no execution: it waits, or nobody claimed it.
pub(super) fn cancel_unstarted(draft: &mut Draft<'_>, id: RunId, reason: Reason) {
    let Some(run) = draft.state.runs.get(&id).cloned() else {
        return;
    };
    draft.push(Event::RunFinished(RunFinished {
        run: id,
        attempt: run.attempt,
        result: RunResult::Canceled,
        reason: Some(reason),
        exit_code: None,
        signal: None,
        finished_at: draft.now,
        log_bytes: 0,
        detail: None,
    }));
    release(draft, id, &run);
}

/// Asks a run to end, or ends it at once when nothing of it executes.
pub(super) fn cancel(draft: &mut Draft<'_>, id: RunId, reason: Reason) {
    let Some(run) = draft.state.runs.get(&id) else {
        return;
    };
    if run.executor.is_none() {
        cancel_unstarted(draft, id, reason);
    } else if run.cancel.is_none() {
        draft.push(Event::RunCancelRequested { run: id, reason });
    }
}

/// How infrastructure failed an attempt.
pub(super) struct Lost {
    pub(super) reason: Reason,
    pub(super) log_bytes: u64,
    pub(super) detail: Option<Sealed>,
}

/// Infrastructure failed an attempt: try again later, or give the run up. The caller deals with
/// the slot.
pub(super) fn lose(draft: &mut Draft<'_>, id: RunId, lost: Lost) {
    let Lost {
        reason,
        log_bytes,
        detail,
    } = lost;
    let Some(run) = draft.state.runs.get(&id) else {
        return;
    };
    let attempt = run.attempt;
    let (result, reason) = match run.cancel {
        Some(cancel) => (RunResult::Canceled, cancel),
        None if attempt < MAX_ATTEMPTS => {
            let retry_at = draft.now.after(backoff(attempt));
            draft.push(Event::RunAttemptLost {
                run: id,
                attempt,
                reason,
                retry_at,
                detail,
            });
            return;
        }
        None => (RunResult::Failed, reason),
    };
    draft.push(Event::RunFinished(RunFinished {
        run: id,
        attempt,
        result,
        reason: Some(reason),
        exit_code: None,
        signal: None,
        finished_at: draft.now,
        log_bytes,
        detail,
    }));
}

/// 1 s, 5 s, 25 s, …
fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(5_u64.saturating_pow(attempt.saturating_sub(1)))
}
