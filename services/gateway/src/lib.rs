//! gRPC, gRPC-web, sign-in and the UI on one port.
