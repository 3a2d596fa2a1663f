select format('grant %s on %I.%I to %s%s', acl.privilege_type, $2, t.relname,
    case when acl.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end,
    case when acl.is_grantable then ' with grant option' else '' end)
from pg_class t
join pg_namespace n on n.oid = t.relnamespace
cross join lateral aclexplode(t.relacl) acl
where n.nspname = $1 and t.relname = any($3) and acl.grantee <> t.relowner
order by 1
