//! The end-to-end suite: the real `maestro` binary with real servers, driven from outside over
//! HTTP, gRPC, NATS, Postgres, signals and the command line.
#![allow(clippy::unwrap_used)]

mod common;

mod browser;
mod clients;
mod crashes;
mod demo;
mod failover;
mod handover;
mod kubernetes;
mod lifecycle;
mod main_job;
mod outages;
mod projections;
mod slots;
mod tracing;
mod webhooks;
