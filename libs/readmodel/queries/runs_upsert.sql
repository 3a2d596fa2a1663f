insert into runs (id, project_id, project, trigger, name, status, reason, attempt, exit_code,
    signal, delivery_id, provider, event, repository_id, repository, sender_id, sender, number,
    pool, slot, slot_token, executor_id, mode, timeout_s, requested_at, started_at, finished_at,
    log_bytes, cancel_requested, trace_id, revision)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::text[], $8::integer[], $9::integer[], $10::integer[], $11::text[], $12::text[],
    $13::text[], $14::bigint[], $15::text[], $16::bigint[], $17::text[], $18::bigint[],
    $19::text[], $20::integer[], $21::bigint[], $22::uuid[], $23::text[], $24::bigint[],
    $25::timestamptz[], $26::timestamptz[], $27::timestamptz[], $28::bigint[], $29::boolean[],
    $30::text[], $31::bigint[])
on conflict (id) do update set
    status = excluded.status,
    reason = excluded.reason,
    attempt = excluded.attempt,
    exit_code = excluded.exit_code,
    signal = excluded.signal,
    slot = excluded.slot,
    slot_token = excluded.slot_token,
    executor_id = excluded.executor_id,
    started_at = excluded.started_at,
    finished_at = excluded.finished_at,
    log_bytes = excluded.log_bytes,
    cancel_requested = excluded.cancel_requested,
    revision = excluded.revision
