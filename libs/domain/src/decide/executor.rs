//! Executors come, fall silent and go; the leases of those who are away move (I-6).

use std::{collections::BTreeMap, time::Duration};

use super::{
    Draft,
    schedule::{self, Lost},
};
use crate::{
    event::Event,
    ids::{ExecutorId, ProjectId},
    name::Name,
    report::{Execution, Membership},
    run::Reason,
    state::{Held, SILENCE, START_WITHIN, Standing},
};

/// An executor serves a pool, for the first time or again.
pub(super) fn joined(
    draft: &mut Draft<'_>,
    executor: ExecutorId,
    pool: &Name,
    membership: &Membership,
) {
    let known = draft.state.executors.get(&executor).is_some_and(|known| {
        known.standing == Standing::Present
            && known.site.as_ref() == Some(&membership.site)
            && known.pools.contains(pool)
    });
    if known {
        return;
    }
    draft.push(Event::ExecutorJoined {
        executor,
        pool: pool.clone(),
        site: membership.site.clone(),
        backend: membership.backend.clone(),
    });
    let away: Vec<ExecutorId> = draft
        .state
        .executors
        .iter()
        .filter(|(_, other)| {
            other.standing.is_away() && other.site.as_ref() == Some(&membership.site)
        })
        .map(|(id, _)| *id)
        .collect();
    for gone in away {
        rehome(draft, gone);
    }
}

/// An executor takes nothing new.
pub(super) fn draining(draft: &mut Draft<'_>, executor: ExecutorId) {
    let known = draft.state.executors.get(&executor);
    if known.is_some_and(|known| known.standing != Standing::Left && !known.draining) {
        draft.push(Event::ExecutorDraining { executor });
    }
}

/// An executor stops and creates nothing any more.
pub(super) fn left(draft: &mut Draft<'_>, executor: ExecutorId) {
    if draft.state.counts_on(executor) {
        draft.push(Event::ExecutorLeft { executor });
        rehome(draft, executor);
    }
}

/// A silent executor was heard.
pub(super) fn heard(draft: &mut Draft<'_>, executor: ExecutorId) {
    if draft.state.standing(executor) == Some(Standing::Silent) {
        draft.push(Event::ExecutorReturned { executor });
    }
}

/// Nothing was heard of an executor for a lease term or longer.
pub(super) fn silent(draft: &mut Draft<'_>, executor: ExecutorId, lasting: Duration) {
    let away = draft
        .state
        .standing(executor)
        .is_some_and(Standing::is_away);
    if !away && draft.state.watched_executors().contains(&executor) {
        draft.push(Event::ExecutorSilent { executor });
    }
    rehome(draft, executor);
    if draft.decision.events.is_empty() {
        lapse(draft, executor, lasting);
    }
}

/// A lease to move or to give up.
struct Place {
    project: ProjectId,
    pool: Name,
    slot: u32,
    execution: Execution,
}

impl Place {
    fn of(held: &Held<'_>) -> Self {
        Self {
            project: held.project,
            pool: held.pool.clone(),
            slot: held.slot,
            execution: held.lease.execution,
        }
    }
}

/// Moves the leases of an executor to others of its site, evenly, as far as the decision has
/// room; the next report of its silence goes on.
fn rehome(draft: &mut Draft<'_>, from: ExecutorId) {
    let mut heirs = heirs(draft, from);
    if heirs.is_empty() {
        return;
    }
    let places: Vec<Place> = draft
        .state
        .leases_of(from)
        .map(|held| Place::of(&held))
        .collect();
    for place in places {
        if draft.full() {
            return;
        }
        let serves = |id: &ExecutorId| {
            let executor = draft.state.executors.get(id);
            executor.is_some_and(|executor| executor.pools.contains(&place.pool))
        };
        let Some((heir, load)) = heirs
            .iter_mut()
            .filter(|(id, _)| serves(id))
            .min_by_key(|(id, load)| (**load, **id))
        else {
            continue;
        };
        *load += 1;
        let executor = *heir;
        let token = draft.state.last_token + 1;
        draft.push(Event::SlotLeaseMoved {
            project: place.project,
            pool: place.pool,
            slot: place.slot,
            run: place.execution.run,
            token,
            executor,
        });
    }
}

/// Present executors of the same site, with the number of leases each holds.
fn heirs(draft: &Draft<'_>, from: ExecutorId) -> BTreeMap<ExecutorId, usize> {
    let state = &draft.state;
    let site = state.executors.get(&from).and_then(|e| e.site.as_ref());
    let Some(site) = site else {
        return BTreeMap::new();
    };
    let fit = state.executors.iter().filter(|(id, executor)| {
        **id != from
            && executor.standing == Standing::Present
            && executor.site.as_ref() == Some(site)
    });
    fit.map(|(id, _)| (*id, state.leases_of(*id).count()))
        .collect()
}

/// How long a holder must be silent until none of its executions can live: it creates nothing once
/// its term is over, and every backend ends an execution at the timeout by itself.
const fn lapses_after(timeout_s: u64) -> Duration {
    START_WITHIN
        .saturating_add(Duration::from_secs(timeout_s))
        .saturating_add(SILENCE)
}

/// Gives up leases that nobody could take over in time: those of one project, as far as the
/// decision has room.
fn lapse(draft: &mut Draft<'_>, executor: ExecutorId, lasting: Duration) {
    let lapsed = draft.state.leases_of(executor).filter_map(|held| {
        let over = lasting >= lapses_after(held.lease.timeout_s);
        over.then(|| Place::of(&held))
    });
    let lapsed: Vec<Place> = lapsed.collect();
    let Some(project) = lapsed.first().map(|place| place.project) else {
        return;
    };
    draft.scope(project);
    for place in lapsed.into_iter().filter(|place| place.project == project) {
        if draft.full() {
            break;
        }
        give_up(draft, place);
    }
    schedule::fill(draft, project);
}

fn give_up(draft: &mut Draft<'_>, place: Place) {
    let Execution { run, token, .. } = place.execution;
    let current = draft.state.runs.get(&run);
    if current.is_some_and(|current| current.execution(run) == place.execution) {
        let lost = Lost {
            reason: Reason::ExecutorLost,
            log_bytes: 0,
            detail: None,
        };
        schedule::lose(draft, run, lost);
    }
    draft.push(Event::SlotReleased {
        project: place.project,
        pool: place.pool,
        slot: place.slot,
        run,
        token,
    });
}
