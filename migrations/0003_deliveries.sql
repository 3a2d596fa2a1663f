-- The decision on every delivery.
create table deliveries (
    provider        text not null,
    id              text not null,
    event           text not null,
    action          text,
    project_id      uuid,
    project         text,
    repository_id   bigint,
    repository      text,            -- owner/name, from the vault
    sender_id       bigint,
    sender          text,            -- login, from the vault
    number          bigint,
    outcome         text not null,   -- accepted, ignored or parked
    reason          text not null,
    verdicts        jsonb not null,
    received_at     timestamptz,
    decided_at      timestamptz not null,
    stream_sequence bigint not null,
    revision        bigint not null,
    primary key (provider, id)
);

create index deliveries_newest on deliveries (revision desc, id desc);
create index deliveries_by_project on deliveries (project, revision desc, id desc);
create index deliveries_by_repository on deliveries (lower(repository), revision desc, id desc);
create index deliveries_by_event on deliveries (event, revision desc, id desc);
create index deliveries_by_outcome on deliveries (outcome, revision desc, id desc);
