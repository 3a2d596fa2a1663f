//! A nats-server and a Postgres of our own, as supervised children of this process.

mod account;
mod cluster;
mod endpoint;
mod error;
mod keeper;
mod launch;
mod locate;
mod nats;
mod postgres;
mod previous;

pub use error::Error;
pub use keeper::State;
pub use locate::{NATS_VARIABLE, POSTGRES_VARIABLE, nats_server, postgres_bin};
pub use nats::{NatsOptions, NatsServer};
pub use postgres::{Postgres, PostgresOptions};
