//! Short calls of the command line.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::process::Command;

use super::process::MAESTRO;

const WITHIN: Duration = Duration::from_secs(60);

/// What a call of `maestro` led to.
#[derive(Debug)]
pub(crate) struct Called(Output);

/// Calls `maestro` and waits for its end.
pub(crate) async fn maestro<A: AsRef<OsStr>>(
    data: &Path,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(String, String)],
) -> Called {
    let called = Command::new(MAESTRO)
        .arg("--data")
        .arg(data)
        .args(arguments)
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(WITHIN, called).await;
    Called(
        output
            .expect("a command that ends within a minute")
            .unwrap(),
    )
}

impl Called {
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// What it printed, once it succeeded.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        assert!(
            self.0.status.success(),
            "{:?}: {}{}",
            self.code(),
            self.out(),
            self.err()
        );
        self.out()
    }

    /// The JSON that it printed, once it succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The one line with which it failed.
    #[track_caller]
    pub(crate) fn refusal(&self) -> String {
        assert!(!self.0.status.success(), "it succeeded: {}", self.out());
        let err = self.err();
        let said: Vec<_> = err.lines().filter(|line| !line.starts_with('{')).collect();
        assert_eq!(said.len(), 1, "one clear line: {err}");
        assert_eq!(self.out(), "", "nothing is promised on standard output");
        said[0].to_owned()
    }
}
