insert into run_attempts (run_id, number, status, reason, exit_code, signal, executor_id, namespace,
    job, pod, node, dispatched_at, started_at, finished_at, retry_at, detail, log_bytes)
select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[],
    $6::integer[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[],
    $17::bigint[])
on conflict (run_id, number) do update set
    status = excluded.status,
    reason = excluded.reason,
    exit_code = excluded.exit_code,
    signal = excluded.signal,
    executor_id = excluded.executor_id,
    namespace = excluded.namespace,
    job = excluded.job,
    pod = excluded.pod,
    node = excluded.node,
    dispatched_at = excluded.dispatched_at,
    started_at = excluded.started_at,
    finished_at = excluded.finished_at,
    retry_at = excluded.retry_at,
    detail = excluded.detail,
    log_bytes = excluded.log_bytes
