//! What cargo says about the packages.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

/// A package and what it names in its manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) licence: String,
    /// The folder under the root, as in `libs/domain`; `None` for packages of others.
    pub(crate) folder: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) only_for_tests: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

impl Metadata {
    pub(crate) fn of_this_workspace() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = json["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(package)
            .collect();
        Self { packages }
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.folder.is_some())
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn package(json: &Value) -> Package {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let root = format!("{}/", root().display());
    let manifest = text("manifest_path");
    let folder = manifest
        .strip_prefix(&root)
        .filter(|_| json["source"].is_null());
    let dependencies = json["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap().to_owned(),
            only_for_tests: dependency["kind"] == "dev",
        });
    Package {
        name: text("name"),
        licence: text("license"),
        folder: folder.map(|path| path.trim_end_matches("/Cargo.toml").to_owned()),
        dependencies: dependencies.collect(),
    }
}
