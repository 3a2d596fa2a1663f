-- Who looks after a lease and by when something must be heard, what waits behind, and the executors.
create table slot_projects (
    project_id uuid primary key,
    slug       text not null
);

create index slot_projects_by_slug on slot_projects (slug);

alter table slot_pools
    add column paused boolean not null default false;

alter table slot_leases
    add column executor_id uuid,
    add column until       timestamptz,
    add column moved       boolean not null default false,
    add column trigger     text not null default '',
    add column attempt     integer not null default 1,
    add column namespace   text,
    add column job         text,
    add column pod         text,
    add column node        text;

create index slot_leases_by_executor on slot_leases (executor_id);
create index slot_leases_by_run on slot_leases (run_id);

alter table slot_runs
    add column trigger            text not null default '',
    add column attempt            integer not null default 1,
    add column timeout_s          bigint not null default 0,
    add column requested_at       timestamptz not null default 'epoch',
    add column requested_revision bigint not null default 0,
    add column requested_index    integer not null default 0,
    add column waiting_since      timestamptz not null default 'epoch';

-- The queue of a pool, oldest request first.
create index slot_runs_queue on slot_runs
    (project_id, pool, requested_revision, requested_index) where waiting;

create table slot_executors (
    executor_id uuid primary key,
    site        text,                    -- unknown when it never said
    backend     text,
    pools       text[] not null,
    standing    text not null,           -- present, draining, silent or left
    since       timestamptz not null
);
