//! One file per command.

pub(crate) mod completions;
pub(crate) mod deliveries;
pub(crate) mod doctor;
pub(crate) mod executor;
pub(crate) mod executors;
pub(crate) mod log;
pub(crate) mod login_link;
mod pattern;
pub(crate) mod projections;
pub(crate) mod runs;
pub(crate) mod slots;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod webhook;
