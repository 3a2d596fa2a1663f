//! What must hold between the parts of a state.

use std::collections::{BTreeMap, BTreeSet};

use maestro_domain::{
    Digest, RunId, State,
    report::Order,
    run::{RunCommand, Status},
    state::{Lease, Pool, Run, Standing},
};

/// Panics with the first contradiction.
pub(crate) fn consistent(state: &State) {
    timers(state);
    executors(state);
    let mut groups = BTreeMap::new();
    let mut queued = BTreeSet::new();
    let mut leased = BTreeSet::new();
    for (id, project) in &state.projects {
        for (name, pool) in &project.pools {
            for (age, run) in &pool.queue {
                assert!(queued.insert(*run), "{run} is queued twice");
                let live = state.runs.get(run).expect("a queued run lives");
                assert_eq!((live.age, live.project, &live.pool), (*age, *id, name));
                assert_eq!(
                    (live.status, live.slot, live.timer),
                    (Status::Pending, None, None)
                );
            }
            leases(state, pool, &mut groups, &mut leased);
            no_slot_is_idle(state, pool);
        }
    }
    assert_eq!(groups, state.groups, "groups are those of the leases");
    for (id, run) in &state.runs {
        waits_or_executes(*id, run, &queued, &leased);
    }
    nothing_is_left_unasked(state);
}

/// A new leader sends what the old one may not have sent: every start that nobody claimed. With
/// heartbeats come the adoption of every lease that moved, the end of every canceled run, and of
/// what may still execute for an ended one.
fn nothing_is_left_unasked(state: &State) {
    let mut starts = BTreeSet::new();
    let mut orders = BTreeSet::new();
    for lease in all_leases(state) {
        let run = state.runs.get(&lease.execution.run);
        let canceled = run.is_some_and(|run| run.cancel.is_some());
        match lease.executor {
            None => {
                starts.insert(lease.execution);
            }
            Some(executor) if lease.moved => {
                orders.insert((executor, lease.execution, "adopt"));
            }
            Some(executor) if lease.releasing || canceled => {
                orders.insert((executor, lease.execution, "cancel"));
            }
            Some(_) => {}
        }
    }
    let asked = state.outstanding();
    let asked = asked.iter().map(RunCommand::execution);
    assert_eq!(asked.collect::<BTreeSet<_>>(), starts);
    let watched = state.watched_executors();
    let given = watched.iter().flat_map(|executor| {
        let orders = state.orders(*executor).into_iter();
        orders.map(|order| match order {
            Order::Adopt(of) => (*executor, of.execution, "adopt"),
            Order::Cancel(of) => (*executor, of.execution, "cancel"),
        })
    });
    assert_eq!(given.collect::<BTreeSet<_>>(), orders);
}

fn all_leases(state: &State) -> impl Iterator<Item = &Lease> {
    let projects = state.projects.values();
    projects
        .flat_map(|project| project.pools.values())
        .flat_map(|pool| pool.leases.values())
}

/// Nobody is remembered who is away and holds nothing.
fn executors(state: &State) {
    let holders: BTreeSet<_> = all_leases(state)
        .filter_map(|lease| lease.executor)
        .collect();
    for (id, executor) in &state.executors {
        let needed = !executor.standing.is_away() || holders.contains(id);
        assert!(needed, "{id} is away and not forgotten");
    }
}

/// I-6: after each look at who is silent, no lease is left with one who is away while another
/// could have it.
pub(crate) fn nothing_waits_for_who_is_away(state: &State) {
    for (project, pools) in &state.projects {
        for (name, pool) in &pools.pools {
            for lease in pool.leases.values() {
                let Some(holder) = lease.executor else {
                    continue;
                };
                let Some(away) = state.executors.get(&holder) else {
                    continue;
                };
                let heir = state.executors.iter().find(|(id, other)| {
                    **id != holder
                        && other.standing == Standing::Present
                        && other.site.is_some()
                        && other.site == away.site
                        && other.pools.contains(name)
                });
                assert!(
                    !away.standing.is_away() || heir.is_none(),
                    "{lease:?} of {project} could move from {holder} to {heir:?}"
                );
            }
        }
    }
}

fn timers(state: &State) {
    let of_runs = state
        .runs
        .iter()
        .filter_map(|(id, run)| Some((run.timer?, *id)));
    assert_eq!(
        of_runs.collect::<BTreeSet<_>>(),
        state.timers,
        "timers are those of the runs"
    );
}

fn leases(
    state: &State,
    pool: &Pool,
    groups: &mut BTreeMap<Digest, RunId>,
    leased: &mut BTreeSet<RunId>,
) {
    for (slot, lease) in &pool.leases {
        let id = lease.execution.run;
        assert!(lease.execution.token <= state.last_token);
        assert!(lease.executor.is_some() || !lease.moved);
        if let Some(group) = lease.group {
            assert_eq!(groups.insert(group, id), None, "two leases in one group");
        }
        match state
            .runs
            .get(&id)
            .filter(|run| run.token == lease.execution.token)
        {
            Some(run) => {
                assert!(!lease.releasing, "{id} lives, but its slot is releasing");
                assert_eq!(run.execution(id), lease.execution);
                assert_eq!((run.slot, run.executor), (Some(*slot), lease.executor));
                assert!(leased.insert(id), "{id} has two slots");
            }
            None => assert!(
                lease.releasing && lease.executor.is_some(),
                "{id} holds a slot"
            ),
        }
    }
}

/// A free slot and a run that may have it do not wait for each other.
fn no_slot_is_idle(state: &State, pool: &Pool) {
    if pool.free_slot().is_none() {
        return;
    }
    for (_, id) in &pool.queue {
        let group = state.runs[id]
            .concurrency
            .map(|concurrency| concurrency.group);
        let busy = group.is_some_and(|group| state.groups.contains_key(&group));
        assert!(busy, "{id} waits beside a free slot");
    }
}

fn waits_or_executes(id: RunId, run: &Run, queued: &BTreeSet<RunId>, leased: &BTreeSet<RunId>) {
    match run.status {
        Status::Pending => {
            assert!(!leased.contains(&id) && run.token == 0 && run.executor.is_none());
            assert!(
                queued.contains(&id) != run.timer.is_some(),
                "{id} waits for nothing"
            );
        }
        Status::Dispatched | Status::Running => {
            assert!(leased.contains(&id) && !queued.contains(&id));
            assert!(run.timer.is_some(), "nobody watches {id}");
        }
        ended => panic!("{id} is {ended:?} and still there"),
    }
}
