//! gRPC, gRPC-web, sign-in and the UI on one port.
//!
//! Queries go to the read models, commands to the event log, output of runs comes from the log.
//! One layer in front of everything decides who may come in: a session cookie from a one-time
//! login code, or the operator's bearer token.

mod auth;
mod checks;
mod config;
mod error;
mod grpc;
mod observe;
mod server;
mod web;
mod wire;

pub use auth::{
    CODE_LIFETIME, OPERATOR, OperatorToken, SESSION_COOKIE, SESSION_LIFETIME, TokenFileError,
};
pub use config::Config;
pub use server::{router, run, run_on};

use maestro_eventlog::{Vault, VaultError};

/// Makes a one-time login code for the operator, good for [`CODE_LIFETIME`]. Whoever holds it signs
/// in at `/login#<code>`: show it to the operator only.
///
/// # Errors
/// When the vault cannot be written.
pub async fn issue_login_code(vault: &Vault) -> Result<String, VaultError> {
    let issued = auth::issue(vault, maestro_runtime::clock::now()).await?;
    Ok(issued.code.expose().to_owned())
}
