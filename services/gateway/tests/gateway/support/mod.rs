mod conductor;
mod source;
mod web;
mod world;

pub use conductor::{Conductor, execution, push};
pub use web::{Web, frames};
pub use world::{Authorized, World};

use std::time::Duration;

/// How long anything may take on a slow machine.
pub const SOON: Duration = Duration::from_secs(30);
