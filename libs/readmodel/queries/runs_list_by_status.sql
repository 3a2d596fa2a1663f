select newest.*
from unnest($8::text[]) as wanted (state)
cross join lateral (
    select * from runs
    where status = wanted.state
      and ($1::text is null or project = $1)
      and ($2::text is null or lower(repository) = lower($2))
      and ($3::text is null or trigger = $3)
      and ($4::text is null or delivery_id = $4)
      and ($5::timestamptz is null or (requested_at, id) < ($5, $6::uuid))
    order by requested_at desc, id desc
    limit $7
) newest
order by newest.requested_at desc, newest.id desc
limit $7
