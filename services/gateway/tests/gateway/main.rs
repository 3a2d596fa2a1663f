//! The gateway over real sockets, with a real broker and a real Postgres.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, reason = "tests")]

mod commands;
mod ends;
mod hostile;
mod queries;
mod retries;
mod sign_in;
mod slots;
mod streams;
mod support;
