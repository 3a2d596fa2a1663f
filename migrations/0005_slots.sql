create table slot_pools (
    project_id uuid not null,
    pool       text not null,
    project    text not null,
    size       integer not null,
    revision   bigint not null,
    primary key (project_id, pool)
);

create index slot_pools_by_project on slot_pools (project, pool);

-- Slots that are not free.
create table slot_leases (
    project_id uuid not null,
    pool       text not null,
    number     integer not null,
    state      text not null,        -- leased or releasing
    run_id     uuid not null,
    token      bigint not null,
    leased_at  timestamptz not null,
    primary key (project_id, pool, number)
);

-- Runs that have not ended: which pool they use and whether they wait for a slot of it.
create table slot_runs (
    run_id     uuid primary key,
    project_id uuid not null,
    pool       text not null,
    project    text not null,
    waiting    boolean not null
);

create index slot_runs_waiting on slot_runs (project_id, pool) where waiting;
