//! A log in memory, a history made by the real core, and a database with runners on it.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

mod database;
mod history;
mod log;

pub use database::{Database, Running, Working, dump};
pub use history::{History, executor, name};
pub use log::{Log, Vault};

use std::time::Duration;

/// How long anything may take on a slow machine.
pub const SOON: Duration = Duration::from_secs(60);
