//! Postgres read models: projections, checkpoints, queries. The only crate that knows sqlx.
