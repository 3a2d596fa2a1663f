//! The watchdog: whatever waits too long ends or is tried again (I-7).

use super::{Draft, schedule};
use crate::{
    event::{Event, RunFinished, RunResult},
    ids::RunId,
    run::{Reason, Status},
    state::Run,
};

/// Deals with the first timer that is due.
pub(super) fn decide(draft: &mut Draft<'_>) {
    let Some((at, id)) = draft.state.timers.first().copied() else {
        return;
    };
    if at > draft.now {
        return;
    }
    let Some(run) = draft.state.runs.get(&id).cloned() else {
        return;
    };
    draft.scope(run.project);
    match (run.status, run.executor) {
        (Status::Pending, _) => {
            draft.push(Event::RunRequeued {
                run: id,
                attempt: run.attempt,
            });
            schedule::supersede(draft, id);
        }
        (_, None) => {
            let lost = schedule::Lost {
                reason: Reason::ExecutorLost,
                log_bytes: 0,
                detail: None,
            };
            schedule::lose(draft, id, lost);
            schedule::release(draft, id, &run);
        }
        (_, Some(_)) => give_up(draft, id, &run),
    }
    schedule::fill(draft, run.project);
}

/// Nothing was heard of a claimed attempt: the run ends, its slot waits for the observed end.
fn give_up(draft: &mut Draft<'_>, id: RunId, run: &Run) {
    let (result, reason) = match run.cancel {
        Some(cancel) => (RunResult::Canceled, cancel),
        None => (RunResult::Failed, Reason::ExecutorLost),
    };
    draft.push(Event::RunFinished(RunFinished {
        run: id,
        attempt: run.attempt,
        result,
        reason: Some(reason),
        exit_code: None,
        signal: None,
        finished_at: draft.now,
        log_bytes: 0,
        detail: None,
    }));
    if let Some(slot) = run.slot {
        let (project, pool, token) = (run.project, run.pool.clone(), run.token);
        draft.push(Event::SlotReleasing {
            project,
            pool,
            slot,
            run: id,
            token,
        });
    }
}
