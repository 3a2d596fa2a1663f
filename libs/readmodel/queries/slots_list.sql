select p.project_id, p.project, p.pool, p.size, p.paused, p.revision,
    (select count(*) from slot_runs r
     where r.project_id = p.project_id and r.pool = p.pool and r.waiting) as "queued!",
    l.number as "number?", l.state as "state?", l.run_id as "run_id?", l.token as "token?",
    l.leased_at as "leased_at?", l.executor_id as "executor_id?", l.until as "until?",
    l.moved as "moved?", l.trigger as "trigger?", l.attempt as "attempt?",
    l.namespace as "namespace?", l.job as "job?", l.pod as "pod?", l.node as "node?",
    e.standing as "standing?"
from slot_pools p
left join slot_leases l on l.project_id = p.project_id and l.pool = p.pool
left join slot_executors e on e.executor_id = l.executor_id
where ($1::text is null or p.project = $1)
order by p.project, p.pool, l.number
