//! The crate against a real nats-server.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod appends;
mod checkpoints;
mod damage;
mod deliveries;
mod heartbeats;
mod leases;
mod logs;
mod queue;
mod reading;
mod requests;
mod restoring;
mod setup;
mod snapshots;
mod streams;
mod vault;
