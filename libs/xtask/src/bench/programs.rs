//! What is measured and what measures, built for release.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// Where the programs are.
pub(crate) struct Programs {
    pub(crate) maestro: PathBuf,
    /// Posts webhooks.
    pub(crate) load: PathBuf,
    /// What runs execute.
    pub(crate) mark: PathBuf,
    pub(crate) raw_publish: PathBuf,
    /// The receiver in Node.
    pub(crate) receiver: PathBuf,
}

impl Programs {
    pub(crate) fn build(root: &Path) -> anyhow::Result<Self> {
        cargo_build(root, &["--package", "maestro"])?;
        let eventlog = ["--package", "maestro-eventlog", "--example", "raw_publish"];
        cargo_build(root, &eventlog)?;
        let own = [
            "--package",
            "maestro-xtask",
            "--example",
            "load",
            "--example",
            "mark",
        ];
        cargo_build(root, &own)?;
        let node = root.join("libs/xtask/node");
        install(&node)?;
        let release = root.join("target/release");
        let examples = release.join("examples");
        Ok(Self {
            maestro: release.join("maestro"),
            load: examples.join("load"),
            mark: examples.join("mark"),
            raw_publish: examples.join("raw_publish"),
            receiver: node.join("receiver.mjs"),
        })
    }
}

/// Builds an example of one crate; where it is.
pub(crate) fn example(root: &Path, package: &str, name: &str) -> anyhow::Result<PathBuf> {
    cargo_build(root, &["--package", package, "--example", name])?;
    Ok(root.join("target/release/examples").join(name))
}

fn cargo_build(root: &Path, what: &[&str]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--release"])
        .args(what)
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "cargo build {} failed", what.join(" "));
    Ok(())
}

fn install(node: &Path) -> anyhow::Result<()> {
    if node.join("node_modules").exists() {
        return Ok(());
    }
    let status = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
        ])
        .current_dir(node)
        .status()
        .context("npm, for the receiver in Node")?;
    ensure!(status.success(), "npm ci failed in {}", node.display());
    Ok(())
}
