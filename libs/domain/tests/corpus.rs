//! Logs that earlier builds wrote still fold: every commit is read, the hash chain holds, and the
//! state is what it was. A log is never changed; a build that writes something new adds one
//! (`maestro log export` of a system it ran, or the messages of EVENTS one a line).
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path};

use maestro_domain::{Commit, Core, State, digest::DigestKey, run::Status};

/// What is known of each log, by its file.
struct Known {
    commits: u64,
    epoch: u64,
    projects: usize,
    /// Runs that had not ended: their status.
    live: &'static [Status],
    leases: usize,
    run_finished: usize,
}

fn known() -> BTreeMap<&'static str, Known> {
    // The example webhooks, a cancel, a refused command, a killed process: two attempts were lost.
    let first_events = Known {
        commits: 144,
        epoch: 3,
        projects: 2,
        live: &[Status::Running, Status::Running],
        leases: 2,
        run_finished: 13,
    };
    BTreeMap::from([("0001-first-events.jsonl", first_events)])
}

#[test]
fn every_log_ever_kept_still_folds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut known = known();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap();
        let name = file.file_name().into_string().unwrap();
        let expected = known.remove(name.as_str()).expect("a log that is known");
        let text = fs::read_to_string(file.path()).unwrap();
        check(&name, &text, &expected);
    }
    assert_eq!(known.keys().next(), None, "a log is missing");
}

fn check(name: &str, text: &str, expected: &Known) {
    let mut core = Core::new(State::default(), DigestKey::new([0; 32]));
    let mut run_finished = 0;
    for line in text.lines() {
        let commit = Commit::decode(line.as_bytes()).unwrap();
        run_finished += commit
            .events()
            .filter(|event| event.type_name() == "run.finished")
            .count();
        core.apply(&commit, line.as_bytes()).unwrap();
    }
    let state = core.state();
    assert_eq!(
        (state.head.n, state.head.epoch),
        (expected.commits, expected.epoch),
        "{name}"
    );
    assert_eq!(state.projects.len(), expected.projects, "{name}");
    let live: Vec<Status> = state.runs.values().map(|run| run.status).collect();
    assert_eq!(live, expected.live, "{name}");
    let pools = state
        .projects
        .values()
        .flat_map(|project| project.pools.values());
    assert_eq!(
        pools.map(|pool| pool.leases.len()).sum::<usize>(),
        expected.leases,
        "{name}"
    );
    assert_eq!(run_finished, expected.run_finished, "{name}");
}

#[test]
fn a_changed_byte_of_a_kept_log_is_found() {
    let text = include_str!("corpus/0001-first-events.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let mut core = Core::new(State::default(), DigestKey::new([0; 32]));
    core.apply(
        &Commit::decode(lines[0].as_bytes()).unwrap(),
        lines[0].as_bytes(),
    )
    .unwrap();
    let changed = lines[1].replacen("\"epoch\":1", "\"epoch\":2", 1);
    assert_ne!(changed, lines[1]);
    core.apply(
        &Commit::decode(changed.as_bytes()).unwrap(),
        changed.as_bytes(),
    )
    .unwrap();
    let next = Commit::decode(lines[2].as_bytes()).unwrap();
    assert!(core.apply(&next, lines[2].as_bytes()).is_err());
}
