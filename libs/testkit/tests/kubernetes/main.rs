//! The fake Kubernetes API over real HTTPS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod disruption;
mod jobs;
mod logs;
mod protocol;
mod refusals;
mod watches;
mod writes;
