select p.project, p.pool, first.run_id, first.trigger, first.attempt, first.requested_at,
    first.waiting_since
from slot_pools p
cross join lateral (
    select * from slot_runs r
    where r.project_id = p.project_id and r.pool = p.pool and r.waiting
    order by r.requested_revision, r.requested_index
    limit $2
) first
where ($1::text is null or p.project = $1)
order by p.project, p.pool, first.requested_revision, first.requested_index
