insert into slot_leases (project_id, pool, number, state, run_id, token, leased_at, executor_id,
    until, moved, trigger, attempt, namespace, job, pod, node)
select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::uuid[], $6::bigint[],
    $7::timestamptz[], $8::uuid[], $9::timestamptz[], $10::boolean[], $11::text[], $12::integer[],
    $13::text[], $14::text[], $15::text[], $16::text[])
on conflict (project_id, pool, number) do update set
    state = excluded.state,
    run_id = excluded.run_id,
    token = excluded.token,
    leased_at = excluded.leased_at,
    executor_id = excluded.executor_id,
    until = excluded.until,
    moved = excluded.moved,
    trigger = excluded.trigger,
    attempt = excluded.attempt,
    namespace = excluded.namespace,
    job = excluded.job,
    pod = excluded.pod,
    node = excluded.node
