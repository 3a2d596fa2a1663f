//! Every event type and version ever written has a file here, and every build reads it. A file is
//! never changed: a new shape gets a new version, an upcaster and a further file.
//!
//! `GOLDEN=write` writes the missing files of today's versions.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use maestro_domain::{
    Commit, DeliveryId, Digest, Event, ExecutorId, Name, PersonRef, ProjectId, Provider,
    RepositoryRef, RunId, Sealed, Timestamp, VaultKey,
    command::{Actor, Rejection},
    commit::{Cause, Cursor, Record},
    core::DELIVERIES,
    event::{
        Concurrency, DecisionReason, DeliveryDecided, InputProblem, RunFinished, RunRequested,
        RunResult, TriggerVerdict, VerdictReason,
    },
    run::{Mode, Reason},
};
use uuid::Uuid;

const AT: Timestamp = Timestamp::from_millis(1_795_176_000_123);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn github() -> Provider {
    "github".parse().unwrap()
}

fn delivery() -> DeliveryId {
    "72d3162e-cc78-11e3-81ab-4c9367dc0958".parse().unwrap()
}

fn run() -> RunId {
    RunId::new(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef))
}

fn project() -> ProjectId {
    ProjectId::new(Uuid::from_u128(1))
}

fn repository() -> RepositoryRef {
    RepositoryRef {
        provider: github(),
        id: 42,
    }
}

fn sender() -> PersonRef {
    PersonRef {
        provider: github(),
        id: 7,
    }
}

fn sealed(key: VaultKey) -> Sealed {
    Sealed {
        key,
        digest: Digest::of(b"text"),
    }
}

/// One event of each type, with every field filled. Whoever adds a variant adds it here: the match
/// has no wildcard, and each arm names the next, until there is none.
fn example(after: Option<&Event>) -> Option<Event> {
    let (run, project, pool, executor) = (
        run(),
        project(),
        name("default"),
        ExecutorId::new(Uuid::from_u128(2)),
    );
    let (attempt, token, slot) = (2, 17, 3);
    let Some(after) = after else {
        return Some(Event::ConductorTookOver {
            epoch: 7,
            instance: "conductor-1".to_owned(),
        });
    };
    Some(match after {
        Event::ConductorTookOver { .. } => Event::ProjectCreated {
            project,
            slug: name("shop"),
        },
        Event::ProjectCreated { .. } => {
            let stack = Digest::of(b"stack");
            Event::StackChanged {
                project,
                stack,
                document: sealed(VaultKey::stack(&stack)),
            }
        }
        Event::StackChanged { .. } => Event::PoolResized {
            project,
            pool,
            size: 8,
        },
        Event::PoolResized { .. } => Event::RepositoryAttached {
            project,
            repository: repository(),
        },
        Event::RepositoryAttached { .. } => Event::DeliveryDecided(Box::new(decided())),
        Event::DeliveryDecided(_) => Event::RunRequested(Box::new(requested())),
        Event::RunRequested(_) => Event::SlotLeased {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotLeased { .. } => Event::RunDispatched {
            run,
            attempt,
            token,
            claim_by: AT,
        },
        Event::RunDispatched { .. } => Event::RunClaimed {
            run,
            attempt,
            token,
            executor,
            deadline: AT,
        },
        Event::RunClaimed { .. } => Event::RunStarted {
            run,
            attempt,
            started_at: AT,
        },
        Event::RunStarted { .. } => {
            let reason = Reason::ExecutorLost;
            Event::RunAttemptLost {
                run,
                attempt,
                reason,
                retry_at: AT,
            }
        }
        Event::RunAttemptLost { .. } => Event::RunRequeued { run, attempt },
        Event::RunRequeued { .. } => Event::RunDeferred { run, attempt },
        Event::RunDeferred { .. } => Event::RunCancelRequested {
            run,
            reason: Reason::Superseded,
        },
        Event::RunCancelRequested { .. } => Event::RunFinished(RunFinished {
            run,
            attempt,
            result: RunResult::Failed,
            reason: Some(Reason::ExitCode),
            exit_code: Some(3),
            signal: Some(9),
            finished_at: AT,
            log_bytes: 1_024,
        }),
        Event::RunFinished(_) => Event::SlotReleasing {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotReleasing { .. } => Event::SlotReleased {
            project,
            pool,
            slot,
            run,
            token,
        },
        Event::SlotReleased { .. } => Event::CommandRejected {
            code: Rejection::ProjectUnknown,
        },
        Event::CommandRejected { .. } => Event::InputLost {
            stream: DELIVERIES.to_owned(),
            from: 3,
            to: 5,
        },
        Event::InputLost { .. } => Event::InputParked {
            stream: DELIVERIES.to_owned(),
            seq: 6,
            problem: InputProblem::Undecodable,
            delivery: Some(delivery()),
        },
        Event::InputParked { .. } => return None,
    })
}

fn decided() -> DeliveryDecided {
    let verdict = |trigger, reason, run| TriggerVerdict {
        trigger: name(trigger),
        reason,
        run,
    };
    DeliveryDecided {
        delivery: delivery(),
        provider: github(),
        event: "issues".to_owned(),
        action: Some("labeled".to_owned()),
        project: Some(project()),
        repository: Some(repository()),
        sender: Some(sender()),
        number: Some(12),
        received_at: AT,
        reason: DecisionReason::Started,
        triggers: vec![
            verdict("agent-dev", VerdictReason::Started, Some(run())),
            verdict("on-push", VerdictReason::EventDiffers, None),
        ],
    }
}

fn requested() -> RunRequested {
    RunRequested {
        run: run(),
        project: project(),
        trigger: name("agent-dev"),
        name: name("agent"),
        delivery: delivery(),
        provider: github(),
        event: "issues".to_owned(),
        repository: Some(repository()),
        sender: Some(sender()),
        number: Some(12),
        pool: name("default"),
        timeout_s: 900,
        mode: Mode::FullEnv,
        spec: sealed(VaultKey::run_spec(run(), Some(&sender()))),
        natural_key: Digest::of(b"natural key"),
        concurrency: Some(Concurrency {
            group: Digest::of(b"group"),
            cancel_superseded: true,
        }),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

fn examples() -> Vec<Event> {
    std::iter::successors(example(None), |event| example(Some(event))).collect()
}

fn file_of(event: &Event) -> String {
    format!("{}.v{}.json", event.type_name(), event.version())
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn commit() -> Commit {
    let cursor = |seq| Cursor {
        of: "0a1b2c".to_owned(),
        seq,
    };
    let (executor, run) = (ExecutorId::new(Uuid::from_u128(2)), run());
    let claimed = Event::RunClaimed {
        run,
        attempt: 2,
        token: 17,
        executor,
        deadline: AT,
    };
    Commit {
        v: 1,
        n: 120_417,
        epoch: 7,
        at: AT,
        prev: Digest::of(b"commit 120416"),
        cause: Cause {
            stream: DELIVERIES.to_owned(),
            seq: 8_841,
            id: Some(delivery().to_string()),
        },
        cursors: [("DELIVERIES", 8_841), ("COMMANDS", 12), ("REPORTS", 310)]
            .map(|(stream, seq)| (stream.to_owned(), cursor(seq)))
            .into(),
        actor: Actor::Host(github()),
        reason: Some(sealed(VaultKey::reason(&"key-1".parse().unwrap()))),
        traceparent: requested().traceparent,
        project: Some(name("shop")),
        events: [Event::RunRequested(Box::new(requested())), claimed]
            .map(Record)
            .into(),
    }
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
            .filter(|rest| !["commit.v1", "words.v1"].contains(rest))
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
    write_missing("commit.v1.json", &text);
    assert_eq!(read("commit.v1.json"), text);
    assert_eq!(Commit::decode(text.as_bytes()).unwrap(), commit());
    let compact = Commit::decode(&commit().encode()).unwrap();
    assert_eq!(
        compact.encode(),
        commit().encode(),
        "reading and writing changes no byte"
    );
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
            LaunchRejected JobMissing ExecutorLost Canceled Superseded;
        Rejection: ProjectUnknown ProjectExists RunUnknown RunEnded CancelPending SlugTaken
            RepositoryTaken PoolTooLarge;
        RunResult: Succeeded Failed Canceled;
        VerdictReason: Started EventDiffers ActionDiffers LabelMissing BranchDiffers
            PathsUntouched ConditionFalse ConditionFailed TemplateFailed PoolMissing
            AlreadyStarted;
    };
    let words: BTreeMap<_, _> = words.into_iter().collect();
    write_missing("words.v1.json", &pretty(&words));
    assert_eq!(read("words.v1.json"), pretty(&words));
}
