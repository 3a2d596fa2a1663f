//! From a run's output to LOGS.

pub(crate) mod masking;
pub(crate) mod output;
pub(crate) mod shipping;
