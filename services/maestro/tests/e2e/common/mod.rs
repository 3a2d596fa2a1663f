//! A deployment of Maestro, and what tests ask of it.

mod command;
mod deployment;
pub(crate) mod gate;
pub(crate) mod github;
pub(crate) mod history;
pub(crate) mod node;
mod process;
pub(crate) mod processes;
mod scratch;
mod services;
mod setup;
mod up;

pub(crate) use self::{
    command::maestro,
    deployment::Deployment,
    process::Process,
    scratch::Scratch,
    services::Services,
    setup::{Setup, Topology},
};
