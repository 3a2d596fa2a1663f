//! Executes runs: claims them, starts them on a backend, ships logs, reports results.
