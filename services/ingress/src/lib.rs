//! The webhook endpoint: verify, deduplicate, store, acknowledge.
//!
//! A delivery is answered 2xx only after its signature was verified over the raw bytes and the
//! broker acknowledged the write. Everything the sender can get wrong is a 4xx that names what is
//! wrong; everything that repeating can mend is a 503 with `Retry-After`.

mod body;
mod config;
mod failures;
mod health;
mod memory;
mod outcome;
mod refusal;
mod router;
mod secrets;
mod serve;
mod webhook;

pub use config::{Config, ConfigError};
pub use router::router;
pub use serve::{run, run_on};
