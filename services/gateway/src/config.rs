//! What the gateway can be told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use maestro_domain::Digest;
use serde::Deserialize;

/// Settings of the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. On a loopback address the `Host` header is checked, so that a page of
    /// another site cannot reach the gateway under its own name (DNS rebinding).
    pub listen: SocketAddr,
    /// Further names accepted in `Host` while listening on loopback, without ports; for a tunnel
    /// or proxy in front.
    pub allowed_hosts: Vec<String>,
    /// Marks the session cookie `Secure`: set it when browsers reach the gateway over HTTPS.
    pub secure_cookies: bool,
    /// SHA-256 of bearer tokens that act as the operator.
    pub operator_tokens: Vec<Digest>,
    /// File with a further operator token; created when missing.
    pub operator_token_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            allowed_hosts: Vec::new(),
            secure_cookies: false,
            operator_tokens: Vec::new(),
            operator_token_file: None,
        }
    }
}
