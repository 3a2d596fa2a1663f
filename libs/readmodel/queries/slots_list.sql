select p.project_id, p.project, p.pool, p.size, p.revision,
    (select count(*) from slot_runs r
     where r.project_id = p.project_id and r.pool = p.pool and r.waiting) as "queued!",
    l.number as "number?", l.state as "state?", l.run_id as "run_id?", l.token as "token?",
    l.leased_at as "leased_at?"
from slot_pools p
left join slot_leases l on l.project_id = p.project_id and l.pool = p.pool
where ($1::text is null or p.project = $1)
order by p.project, p.pool, l.number
