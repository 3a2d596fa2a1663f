//! The one binary of Maestro.
fn main() {}
