//! The environment of a run: nothing of the executor's own but what is named here.

use std::{collections::BTreeMap, env};

use maestro_domain::run::{RunSpec, Start};

use super::folder::Folder;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The whole environment of a run. Its own variables may replace `PATH`, `HOME`, `LANG` and
/// `TMPDIR`, not those that say what it is.
pub(crate) fn environment(
    folder: &Folder,
    start: &Start,
    spec: &RunSpec,
    traceparent: Option<&str>,
) -> BTreeMap<String, String> {
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let inherited = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), inherited("PATH", DEFAULT_PATH)),
        ("HOME".to_owned(), path(folder.home())),
        ("LANG".to_owned(), inherited("LANG", "C.UTF-8")),
        ("TMPDIR".to_owned(), path(folder.tmp())),
    ]);
    all.extend(spec.env.clone());
    let own = [
        ("MAESTRO_RUN_ID", Some(start.execution.run.to_string())),
        ("MAESTRO_ATTEMPT", Some(start.execution.attempt.to_string())),
        ("MAESTRO_PROJECT", Some(start.slug.to_string())),
        ("MAESTRO_TRIGGER", Some(start.trigger.to_string())),
        ("MAESTRO_DELIVERY_ID", Some(start.delivery.to_string())),
        ("MAESTRO_EVENT", Some(start.event.clone())),
        ("MAESTRO_REPOSITORY", spec.repository.clone()),
        ("MAESTRO_PROMPT_FILE", Some(path(folder.prompt()))),
        ("MAESTRO_RESULT_FILE", Some(path(folder.result()))),
        ("TRACEPARENT", traceparent.map(str::to_owned)),
    ];
    for (name, value) in own {
        match value {
            Some(value) => all.insert(name.to_owned(), value),
            None => all.remove(name),
        };
    }
    all
}
