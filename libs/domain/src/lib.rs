//! The pure core of Maestro: ids, inputs, events, state and decisions.
//!
//! Nothing here does I/O, reads a clock or draws a random number. [`Core::handle`] folds one input
//! into at most one [`Commit`]; [`Core::apply`] folds a stored commit. Both lead to the same state.

pub mod command;
pub mod commit;
pub mod core;
mod decide;
pub mod delivery;
pub mod digest;
pub mod event;
pub mod explain;
pub mod ids;
pub mod name;
pub mod placement;
pub mod report;
pub mod run;
pub mod sealed;
pub mod stack;
pub mod state;
pub mod timestamp;
pub mod trigger;
pub mod upcast;

pub use command::Command;
pub use commit::Commit;
pub use core::Core;
pub use delivery::DeliveryFacts;
pub use digest::Digest;
pub use event::Event;
pub use ids::{
    DeliveryId, ExecutorId, PersonRef, ProjectId, Provider, RepositoryRef, RunId, UserId,
};
pub use name::Name;
pub use report::Report;
pub use sealed::{Sealed, VaultKey};
pub use stack::Stack;
pub use state::State;
pub use timestamp::Timestamp;
