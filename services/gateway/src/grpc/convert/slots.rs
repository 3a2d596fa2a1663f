//! Pools, slots, queues and executors.

use maestro_contracts::v1;
use maestro_domain::state::Standing;
use maestro_readmodel::{Executor, QueuedRun, Slot, SlotPool, SlotState};

use super::{id, place, time};

pub(in crate::grpc) fn pool(pool: SlotPool) -> v1::SlotPool {
    v1::SlotPool {
        project: pool.project,
        name: pool.name,
        size: pool.size,
        slots: pool.slots.into_iter().map(slot).collect(),
        queued: pool.queued,
        paused: pool.paused,
        queue: pool.queue.into_iter().map(queued).collect(),
    }
}

fn slot(slot: Slot) -> v1::Slot {
    let state = match slot.state {
        SlotState::Free => v1::SlotState::Free,
        SlotState::Leased => v1::SlotState::Leased,
        SlotState::Releasing => v1::SlotState::Releasing,
    };
    let standing = slot
        .standing
        .map_or(v1::ExecutorStanding::Unspecified, standing);
    v1::Slot {
        number: slot.number,
        state: state.into(),
        run_id: id(slot.run),
        token: slot.token,
        leased_at: slot.leased_at.map(time),
        until: slot.until.map(time),
        executor_id: id(slot.executor),
        executor_standing: standing.into(),
        place: place(slot.place),
        moved: slot.moved,
        trigger: slot.trigger,
        attempt: slot.attempt,
    }
}

fn queued(queued: QueuedRun) -> v1::QueuedRun {
    v1::QueuedRun {
        run_id: queued.run.to_string(),
        trigger: queued.trigger,
        attempt: queued.attempt,
        requested_at: Some(time(queued.requested_at)),
        waiting_since: Some(time(queued.waiting_since)),
    }
}

pub(in crate::grpc) fn executor(executor: Executor) -> v1::Executor {
    v1::Executor {
        id: executor.id.to_string(),
        site: executor.site.unwrap_or_default(),
        backend: executor.backend.unwrap_or_default(),
        pools: executor.pools,
        standing: standing(executor.standing).into(),
        since: Some(time(executor.since)),
        leases: executor.leases,
    }
}

const fn standing(standing: Standing) -> v1::ExecutorStanding {
    match standing {
        Standing::Present => v1::ExecutorStanding::Present,
        Standing::Draining => v1::ExecutorStanding::Draining,
        Standing::Silent => v1::ExecutorStanding::Silent,
        Standing::Left => v1::ExecutorStanding::Left,
    }
}
