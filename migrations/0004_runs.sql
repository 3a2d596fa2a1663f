-- One row per run.
create table runs (
    id               uuid primary key,
    project_id       uuid not null,
    project          text not null,
    trigger          text not null,
    name             text not null,
    status           text not null,
    reason           text,
    attempt          integer not null,
    exit_code        integer,
    signal           integer,
    delivery_id      text not null,
    provider         text not null,
    event            text not null,
    repository_id    bigint,
    repository       text,           -- owner/name, from the vault
    sender_id        bigint,
    sender           text,           -- login, from the vault
    number           bigint,
    pool             text not null,
    slot             integer,
    slot_token       bigint,
    executor_id      uuid,
    mode             text not null,
    timeout_s        bigint not null,
    requested_at     timestamptz not null,
    started_at       timestamptz,
    finished_at      timestamptz,
    log_bytes        bigint not null,
    cancel_requested boolean not null,
    trace_id         text,
    revision         bigint not null
);

create index runs_newest on runs (requested_at desc, id desc);
create index runs_by_project on runs (project, requested_at desc, id desc);
create index runs_by_status on runs (status, requested_at desc, id desc);
create index runs_by_repository on runs (lower(repository), requested_at desc, id desc);
create index runs_by_trigger on runs (trigger, requested_at desc, id desc);
create index runs_by_delivery on runs (delivery_id, requested_at desc, id desc);

-- Every event of a run, in the order of the log.
create table run_timeline (
    run_id   uuid not null,
    revision bigint not null,
    index    integer not null,       -- position of the event in its commit
    at       timestamptz not null,
    type     text not null,
    version  smallint not null,
    data     jsonb not null,
    actor    text not null,
    primary key (run_id, revision, index)
);
