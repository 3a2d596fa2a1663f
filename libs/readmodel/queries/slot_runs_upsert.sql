insert into slot_runs (run_id, project_id, pool, project, waiting, trigger, attempt, timeout_s,
    requested_at, requested_revision, requested_index, waiting_since)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::text[],
    $7::integer[], $8::bigint[], $9::timestamptz[], $10::bigint[], $11::integer[],
    $12::timestamptz[])
on conflict (run_id) do update set
    waiting = excluded.waiting,
    attempt = excluded.attempt,
    waiting_since = excluded.waiting_since
