//! The webhook endpoint: verify, deduplicate, store, acknowledge.
