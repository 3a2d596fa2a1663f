//! A stateful Kubernetes API server that speaks the real protocol over TLS on loopback, with the
//! controllers, the scheduler and the kubelets that tests of an executor need. It is strict: what
//! the real server refuses is refused, in its words where they matter.
//!
//! Limits: see `docs/kubernetes-conformance.md`.

mod admission;
mod apply;
mod clock;
mod cluster;
mod controllers;
mod defaults;
mod delete;
mod discovery;
mod faults;
mod fields;
mod handle;
mod json;
mod kind;
mod kubelet;
mod log_request;
mod naming;
mod quantity;
mod read;
mod refusal;
mod request;
mod rights;
mod security;
mod selector;
mod serve;
mod state;
mod steer;
mod steering;
mod tls;
mod validate;
mod watching;
mod write;

pub use self::{
    faults::Faults,
    handle::{Kubernetes, Options},
    rights::Right,
};
