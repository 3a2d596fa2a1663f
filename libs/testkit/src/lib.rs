//! Private nats-server and Postgres and other real servers for tests. A dev-dependency only.
//!
//! A missing server binary is a failure, never a reason to skip: `bootstrap/test` installs them.

pub mod conformance;
pub mod github;
pub mod history;
pub mod kubernetes;
mod nats;
pub mod otlp;
mod postgres;
mod wait;

pub use nats::Nats;
pub use postgres::Postgres;
pub use wait::wait_until;
