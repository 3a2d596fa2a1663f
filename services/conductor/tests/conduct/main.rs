//! The conductor on a real broker.
#![allow(clippy::unwrap_used, missing_docs)]

mod bench;
mod damage;
mod deciding;
mod executors;
mod signing;
