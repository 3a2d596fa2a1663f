-- The second copy of every commit, byte for byte: a damaged log is told from a good one, and
-- repaired, by it. Nothing of it is ever changed.
create table journal (
    n       bigint primary key,
    seq     bigint not null,
    hash    bytea not null,
    prev    bytea not null,
    at      timestamptz not null,
    subject text not null,           -- below the log's prefix
    project text,
    bytes   bytea not null
);

create function journal_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only';
end
$$;

create trigger journal_is_append_only before update or delete on journal
    for each row execute function journal_is_append_only();
