//! The executor with a real broker, real processes and a small conductor that answers reports.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod cancel;
mod conductor;
mod leases;
mod lifecycle;
mod logs;
mod recovery;
