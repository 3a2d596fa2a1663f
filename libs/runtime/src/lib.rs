//! Service lifecycle: typed configuration, telemetry, clock, shutdown, supervised children.

pub mod clock;
pub mod data_dir;
pub mod private;
