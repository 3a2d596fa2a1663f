//! Service lifecycle: typed configuration, telemetry, clock, shutdown, supervised children.
