//! Service lifecycle: typed configuration, telemetry, clock, shutdown, supervised children.

pub mod clock;
pub mod config;
pub mod data_dir;
pub mod health;
pub mod private;
pub mod secret;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
