//! The shape of our own files.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::metadata::root;

const LONGEST: usize = 600;
const LONGEST_ENTRY: usize = 40;
const ENDINGS: [&str; 4] = ["rs", "ts", "tsx", "mjs"];
const OF_OTHERS: [&str; 4] = ["node_modules", "dist", "gen", "target"];

pub(crate) fn too_long() -> Vec<String> {
    let files = sources();
    assert!(
        files.len() > 50,
        "looks in the wrong folder: {} files",
        files.len()
    );
    let root = root();
    files
        .iter()
        .filter_map(|path| {
            let limit = if path.ends_with("services/maestro/src/main.rs") {
                LONGEST_ENTRY
            } else {
                LONGEST
            };
            let lines = fs::read_to_string(path).unwrap().lines().count();
            let name = path.strip_prefix(&root).unwrap_or(path).display();
            (lines > limit)
                .then(|| format!("{name} has {lines} lines and may have {limit}: split it"))
        })
        .collect()
}

pub(crate) fn without_lints() -> Vec<String> {
    let manifests: Vec<_> = crates()
        .into_iter()
        .map(|dir| dir.join("Cargo.toml"))
        .collect();
    assert!(
        manifests.len() > 10,
        "looks in the wrong folder: {manifests:?}"
    );
    let lacks = |path: &&PathBuf| {
        !fs::read_to_string(path)
            .unwrap()
            .contains("[lints]\nworkspace = true")
    };
    let found = manifests.iter().filter(lacks);
    found
        .map(|path| format!("{} lacks `[lints] workspace = true`", path.display()))
        .collect()
}

fn crates() -> Vec<PathBuf> {
    let folders = ["libs", "services"].map(|name| root().join(name));
    let entries = folders.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|dir| dir.join("Cargo.toml").is_file())
        .collect()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["libs", "services"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() && !OF_OTHERS.contains(&name) {
            collect(&path, found);
        } else if path
            .extension()
            .and_then(OsStr::to_str)
            .is_some_and(|it| ENDINGS.contains(&it))
        {
            found.push(path);
        }
    }
}
