//! Embeds the built UI again whenever it changes.
use std::fs;

fn main() {
    let dist = "../ui/dist";
    // Cargo takes a watched path that does not exist for one that changes on every build.
    if let Err(error) = fs::create_dir_all(dist) {
        println!("cargo:warning=cannot create {dist}: {error}");
    }
    println!("cargo:rerun-if-changed={dist}");
    println!("cargo:rerun-if-changed=build.rs");
}
