-- Where a run executes, what the system said about its end, and which run it repeats.
alter table runs
    add column namespace text,
    add column job       text,
    add column pod       text,
    add column node      text,
    add column detail    text,           -- from the vault
    add column retry_of  uuid;

create index runs_by_original on runs (retry_of, requested_at desc, id desc)
    where retry_of is not null;

-- One row per attempt that was dispatched.
create table run_attempts (
    run_id        uuid not null,
    number        integer not null,
    status        text not null,
    reason        text,
    exit_code     integer,
    signal        integer,
    executor_id   uuid,
    namespace     text,
    job           text,
    pod           text,
    node          text,
    dispatched_at timestamptz not null,
    started_at    timestamptz,
    finished_at   timestamptz,
    retry_at      timestamptz,
    detail        text,                  -- from the vault
    log_bytes     bigint not null,
    primary key (run_id, number)
);
