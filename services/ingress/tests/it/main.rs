//! The webhook endpoint on a real broker.

#![allow(clippy::unwrap_used)]

mod answers;
mod bounds;
mod broker;
mod harness;
mod observed;
mod octokit;
mod process;
mod secrets;
mod storing;
