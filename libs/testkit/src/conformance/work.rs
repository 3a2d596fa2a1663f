//! What an execution is to do.

use std::{collections::BTreeMap, path::Path, time::Duration};

use uuid::Uuid;

use super::{Laboratory, SOON};
use crate::wait_until;

/// What an execution is to do.
#[derive(Debug, Clone)]
pub struct Work {
    /// Tells executions apart in the shared folder.
    pub id: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables of its own.
    pub env: BTreeMap<String, String>,
    /// Content of the prompt file.
    pub prompt: Option<String>,
    /// Its deadline.
    pub timeout: Duration,
    /// Image; `None`: the laboratory's.
    pub image: Option<String>,
    /// Node selector.
    pub node_selector: BTreeMap<String, String>,
    /// Whether it gets surroundings of its own, where the backend has such.
    pub full_env: bool,
}

impl Work {
    /// A program.
    #[must_use]
    pub fn program(command: &[&str]) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::new(),
            prompt: None,
            timeout: Duration::from_secs(600),
            image: None,
            node_selector: BTreeMap::new(),
            full_env: false,
        }
    }

    /// A shell script. Where the laboratory has a folder, it leaves a trace of every execution
    /// there.
    pub fn script<L: Laboratory>(lab: &L, script: &str) -> Self {
        let mut work = Self::program(&["sh", "-c"]);
        let mut text = String::new();
        if let Some(folder) = lab.folder() {
            let folder = folder.to_string_lossy().into_owned();
            work.env.insert("CONFORMANCE_FOLDER".to_owned(), folder);
            work.env
                .insert("CONFORMANCE_ID".to_owned(), work.id.clone());
            text.push_str("echo x >> \"$CONFORMANCE_FOLDER/$CONFORMANCE_ID.ran\"\n");
        }
        text.push_str(script);
        work.command.push(text);
        work
    }

    /// With a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// A piece of script that waits until [`open`] is called; without a shared folder it takes three
/// seconds.
pub(super) fn gate<L: Laboratory>(lab: &L) -> &'static str {
    match lab.folder() {
        Some(_) => "while ! [ -e \"$CONFORMANCE_FOLDER/$CONFORMANCE_ID.go\" ]; do sleep 0.05; done",
        None => "sleep 3",
    }
}

/// Lets executions go on that wait at their gate.
pub(super) fn open<L: Laboratory>(lab: &L, ids: &[String]) {
    for id in ids {
        write(lab.folder().as_deref(), id, "go");
    }
}

fn write(folder: Option<&Path>, id: &str, what: &str) {
    if let Some(folder) = folder {
        std::fs::write(folder.join(format!("{id}.{what}")), "").expect("the shared folder");
    }
}

/// Waits until a script has said that it is done, in the shared folder.
pub(super) async fn done<L: Laboratory>(lab: &L, id: &str) {
    if let Some(folder) = lab.folder() {
        let path = folder.join(format!("{id}.done"));
        wait_until(SOON, async || path.exists()).await;
    }
}

/// How often a script was executed; `None` when nobody can see it.
pub(super) fn executions<L: Laboratory>(lab: &L, id: &str) -> Option<usize> {
    let path = lab.folder()?.join(format!("{id}.ran"));
    Some(std::fs::read_to_string(path).map_or(0, |text| text.lines().count()))
}

/// Fails unless a script was executed exactly once, as far as that can be seen.
pub(super) fn once<L: Laboratory>(lab: &L, id: &str) {
    if let Some(count) = executions(lab, id) {
        assert_eq!(count, 1, "executions of {id}");
    }
}
