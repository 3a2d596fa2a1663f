//! Every event type and version ever written has a file here, and every build reads it. A file is
//! never changed: a new shape gets a new version, an upcaster and a further file.
//!
//! `GOLDEN=write` writes the missing files of today's versions.
#![allow(clippy::unwrap_used)]

#[path = "golden/examples.rs"]
mod examples;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use examples::{AT, commit, decided, examples, requested, run};
use maestro_domain::{
    Commit, Event,
    command::Rejection,
    commit::Record,
    core::DELIVERIES,
    event::{
        DecisionReason, DeliveryDecided, InputProblem, RunFinished, RunRequested, RunResult,
        VerdictReason,
    },
    run::{Mode, Reason},
};

/// Commit version 1 with events of the versions of today; older files hold older events.
const COMMIT: &str = "commit.v1.2.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn file_of(event: &Event) -> String {
    format!("{}.v{}.json", event.type_name(), event.version())
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn read(file: &str) -> String {
    let path = folder().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; GOLDEN=write writes what is missing",
            path.display()
        )
    })
}

fn write_missing(file: &str, text: &str) {
    let path = folder().join(file);
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "write") && !path.exists() {
        fs::write(path, text).unwrap();
    }
}

#[test]
fn every_event_of_today_is_written_as_its_golden_file_says() {
    for event in examples() {
        let (file, text) = (file_of(&event), pretty(&Record(event.clone())));
        write_missing(&file, &text);
        assert_eq!(
            read(&file),
            text,
            "{file}: a new shape needs a new version and an upcaster"
        );
        let back: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(back.0, event, "{file}");
    }
}

#[test]
fn every_version_ever_written_can_be_read() {
    let known: BTreeSet<String> = examples()
        .iter()
        .map(|event| event.type_name().into())
        .collect();
    let mut read_types = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(rest) = file
            .strip_suffix(".json")
            .filter(|rest| !rest.starts_with("commit.") && *rest != "words.v1")
        else {
            continue;
        };
        let (kind, version) = rest.rsplit_once(".v").expect("<type>.v<version>.json");
        let Record(event) = serde_json::from_str(&read(&file)).unwrap();
        assert_eq!(event.type_name(), kind, "{file}");
        assert!(version.parse::<u16>().unwrap() <= event.version(), "{file}");
        if file == file_of(&event) {
            assert_eq!(pretty(&Record(event)), read(&file), "{file}");
        }
        read_types.insert(kind.to_owned());
    }
    assert_eq!(read_types, known);
}

#[test]
fn a_commit_is_written_and_read_as_its_golden_file_says() {
    let text = pretty(&commit());
    write_missing(COMMIT, &text);
    assert_eq!(read(COMMIT), text);
    assert_eq!(Commit::decode(text.as_bytes()).unwrap(), commit());
    let compact = Commit::decode(&commit().encode()).unwrap();
    assert_eq!(
        compact.encode(),
        commit().encode(),
        "reading and writing changes no byte"
    );
}

#[test]
fn a_commit_with_older_events_can_be_read() {
    let text = read("commit.v1.json");
    let old = Commit::decode(text.as_bytes()).unwrap();
    let requested = old.events().find_map(|event| match event {
        Event::RunRequested(requested) => Some(requested.retry_of),
        _ => None,
    });
    assert_eq!((old.n, requested), (120_417, Some(None)));
}

#[test]
fn what_a_newer_build_wrote_is_refused_by_name() {
    let of = |v: u16, kind: &str| {
        format!(r#"{{"v":{v},"id":"x","type":"{kind}","data":{{"epoch":1,"instance":"a"}}}}"#)
    };
    let newer = serde_json::from_str::<Record>(&of(2, "conductor.took_over")).unwrap_err();
    assert!(
        newer
            .to_string()
            .contains("conductor.took_over version 2 is newer"),
        "{newer}"
    );
    let unknown = serde_json::from_str::<Record>(&of(1, "conductor.slept")).unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("conductor.slept version 1 cannot be read"),
        "{unknown}"
    );
}

#[test]
fn what_is_not_there_is_left_out() {
    let decided = DeliveryDecided {
        action: None,
        project: None,
        repository: None,
        sender: None,
        number: None,
        ..decided()
    };
    let requested = RunRequested {
        repository: None,
        sender: None,
        number: None,
        concurrency: None,
        traceparent: None,
        retry_of: None,
        ..requested()
    };
    let finished = RunFinished {
        run: run(),
        attempt: 1,
        result: RunResult::Succeeded,
        reason: None,
        exit_code: None,
        signal: None,
        finished_at: AT,
        log_bytes: 0,
        detail: None,
    };
    let (stream, problem) = (DELIVERIES.to_owned(), InputProblem::CorePanicked);
    let sparse = [
        Event::DeliveryDecided(Box::new(decided)),
        Event::RunRequested(Box::new(requested)),
        Event::RunFinished(finished),
        Event::InputParked {
            stream,
            seq: 1,
            problem,
            delivery: None,
        },
    ];
    for event in sparse {
        let text = pretty(&Record(event.clone()));
        assert!(!text.contains("null"), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap().0, event);
    }
}

/// The words of an enum in the log; a variant that is not listed does not compile.
macro_rules! words {
    ($($kind:ident: $($variant:ident)*;)*) => {
        [$((stringify!($kind), {
            let listed = |word: $kind| match word { $($kind::$variant => word),* };
            vec![$(serde_json::to_value(listed($kind::$variant)).unwrap()),*]
        })),*]
    };
}

/// Words may be added here and in the file; one that was written once stays.
#[test]
fn the_words_of_the_log_stay_what_they_are() {
    let words = words! {
        DecisionReason: Started AlreadyStarted NoTriggerMatched NoTriggers NoStack NoProject Ping;
        InputProblem: Undecodable CorePanicked;
        Mode: FullEnv CodeOnly;
        Reason: ExitCode Signaled OomKilled DeadlineExceeded Evicted NodeLost ImagePull
            LaunchRejected JobMissing ExecutorLost Canceled Superseded Preempted Unschedulable;
        Rejection: ProjectUnknown ProjectExists RunUnknown RunEnded CancelPending SlugTaken
            RepositoryTaken PoolTooLarge PoolUnknown PoolPaused PoolNotPaused RunLive RunExists;
        RunResult: Succeeded Failed Canceled;
        VerdictReason: Started EventDiffers ActionDiffers LabelMissing BranchDiffers
            PathsUntouched ConditionFalse ConditionFailed TemplateFailed PoolMissing
            AlreadyStarted;
    };
    let words: BTreeMap<_, _> = words.into_iter().collect();
    write_missing("words.v1.json", &pretty(&words));
    assert_eq!(read("words.v1.json"), pretty(&words));
}
