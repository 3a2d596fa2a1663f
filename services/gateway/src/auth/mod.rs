//! Who may come in: sessions, the operator's token, and the layer that asks for them.

mod endpoints;
mod identity;
mod layer;
mod limit;
mod origin;
mod peer;
mod secret;
mod sessions;
mod token;

pub(crate) use endpoints::{SignIn, router};
pub(crate) use identity::Identity;
pub(crate) use layer::{Gate, guard};
pub(crate) use limit::FailureLimit;
pub(crate) use origin::Hosts;
pub(crate) use secret::Secret;
pub(crate) use sessions::{Clock, Sessions, issue};

pub use identity::OPERATOR;
pub use sessions::{CODE_LIFETIME, SESSION_COOKIE, SESSION_LIFETIME};
pub use token::{OperatorToken, TokenFileError};
