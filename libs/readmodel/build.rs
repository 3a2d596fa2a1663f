//! Rebuilds the crate when a migration or a query file changes: they are embedded.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
    println!("cargo:rerun-if-changed=queries");
}
