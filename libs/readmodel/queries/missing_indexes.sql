select case
    when con.oid is not null then
        format('alter table %I.%I add constraint %I %s', $2, t.relname, con.conname,
            pg_get_constraintdef(con.oid))
    else
        replace(pg_get_indexdef(i.indexrelid), format(' ON %I.%I ', $1, t.relname),
            format(' ON %I.%I ', $2, t.relname))
    end
from pg_index i
join pg_class t on t.oid = i.indrelid
join pg_class index on index.oid = i.indexrelid
join pg_namespace n on n.oid = t.relnamespace
left join pg_constraint con on con.conindid = i.indexrelid and con.conrelid = t.oid
    and con.contype in ('p', 'u', 'x')
where n.nspname = $1 and t.relname = any($3) and (i.indisprimary or not $4)
    and not exists (
        select from pg_class there join pg_namespace s on s.oid = there.relnamespace
        where s.nspname = $2 and there.relname = index.relname)
order by t.relname, i.indisprimary desc, index.relname
