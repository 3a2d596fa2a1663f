//! The event log on NATS JetStream: streams, commits, readers, work queues, vault. The only crate that knows async-nats.
