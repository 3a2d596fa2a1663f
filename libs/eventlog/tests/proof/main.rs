//! Proofs over copies of the log, without a broker.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod archives;
mod chains;
mod history;
