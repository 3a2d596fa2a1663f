-- Work on a projection beside its live rows: asked for by an operator or by a new version, done by
-- one projector. A row is the last job of its kind.
create table projection_jobs (
    projection   text not null,
    kind         text not null,          -- rebuild or verify
    number       bigint not null default 1,
    state        text not null default 'waiting',
    version      integer not null default 0,    -- of the rows built; 0 until it is known
    revision     bigint not null default 0,     -- last commit applied beside the live rows
    target       bigint not null default 0,     -- last commit of the log when last looked at
    rate         integer,                       -- commits per second at most
    cancel       boolean not null default false,
    requested_at timestamptz not null default now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    message      text,                          -- why it failed, or what is in its way
    finding      jsonb,                         -- the first difference that a verification found
    primary key (projection, kind)
);

-- Counts how often the rows were replaced by others built beside them.
alter table projection_checkpoints
    add column generation bigint not null default 0;
