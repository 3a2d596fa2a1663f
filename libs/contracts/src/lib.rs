//! The gRPC contract of Maestro, generated from `proto/`.
//!
//! Messages carry serde implementations of the canonical proto3 JSON mapping, so the command line
//! can print them with `--output json`.

/// Version 1 of the contract.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    unreachable_pub
)]
pub mod v1 {
    tonic::include_proto!("maestro.v1");
    include!(concat!(env!("OUT_DIR"), "/maestro.v1.serde.rs"));
}

/// The encoded `FileDescriptorSet`, served by gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
