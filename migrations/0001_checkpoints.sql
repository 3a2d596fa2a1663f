-- How far each projection is. Rows and checkpoint of a batch are written in one transaction.
create table projection_checkpoints (
    name       text primary key,
    version    integer not null,
    seq        bigint not null,      -- last commit applied, 0 before the first
    hash       bytea not null,       -- SHA-256 of that commit
    applied_at timestamptz,          -- `at` of that commit
    stopped    text                  -- why it stopped; null while it runs
);
