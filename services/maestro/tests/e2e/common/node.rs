//! Programs in Node that use the UI's packages.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt as _, process::Command};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("services/maestro is two levels down")
        .to_owned()
}

/// The folder of the UI, where its packages are installed.
pub(crate) fn ui() -> PathBuf {
    let ui = root().join("services/ui");
    let packages = ui.join("node_modules");
    assert!(
        packages.is_dir(),
        "{} is missing: run `npm ci` in services/ui",
        packages.display()
    );
    ui
}

/// Runs the text of a module with `input` on standard input; returns what it printed.
pub(crate) async fn module(
    text: &str,
    environment: &[(&str, &str)],
    input: &[u8],
    within: Duration,
) -> String {
    let arguments = ["--input-type=module", "--eval", text];
    let printed = run(&arguments, environment, input, within).await;
    printed.unwrap_or_else(|failed| panic!("{failed}"))
}

/// Runs Node in the UI's folder, with `input` on standard input; returns what it printed, an error
/// when it failed.
pub(crate) async fn run(
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &[u8],
    within: Duration,
) -> Result<String, String> {
    let mut child = Command::new("node")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(ui())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node, version 20 or newer");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(within, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("node does not end within {within:?}"));
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        return Ok(out);
    }
    Err(format!("node: {}\n{out}\n{err}", output.status))
}
