//! The rules of `docs/architecture.md` that a compiler does not check.
#![allow(clippy::unwrap_used)]

mod dependencies;
mod licence;
mod metadata;
mod sources;

use metadata::Metadata;

#[test]
fn dependencies_point_the_right_way() {
    let broken = dependencies::broken_rules(&Metadata::of_this_workspace());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn licences_are_allowed() {
    let broken = licence::not_allowed(&Metadata::of_this_workspace());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn sources_are_of_readable_size() {
    let broken = sources::too_long();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let broken = sources::without_lints();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
