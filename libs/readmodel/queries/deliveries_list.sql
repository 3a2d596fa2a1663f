select * from deliveries
where ($1::text is null or project = $1)
  and ($2::text is null or lower(repository) = lower($2))
  and ($3::text is null or event = $3)
  and ($4::text is null or outcome = $4)
  and ($5::bigint is null or (revision, id) < ($5, $6::text))
order by revision desc, id desc
limit $7
