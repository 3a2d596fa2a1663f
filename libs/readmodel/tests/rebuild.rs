//! However the commits come, the rows are the same.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use maestro_domain::{Command, Report, report::End};
use maestro_readmodel::{Asked, Health, JobKind};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::{Database, History, Log, dump, executor};

/// Something that happens. Numbers choose among what is there.
#[derive(Debug, Clone)]
enum Step {
    Deliver(u64),
    Ignored(u64),
    Start(usize),
    Finish(usize, u8),
    Cancel(usize),
    Resize(u32),
    Pass(u64),
    Poison(u64),
    Pause(bool),
    Join(u128),
    Silent(u128, u64),
    Heard(u128),
    Drain(u128),
    Leave(u128),
    Adopt(usize),
    Retry(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..40u64).prop_map(Step::Deliver),
        1 => (0..40u64).prop_map(Step::Ignored),
        4 => (0..8usize).prop_map(Step::Start),
        4 => (0..8usize, 0..6u8).prop_map(|(run, end)| Step::Finish(run, end)),
        1 => (0..8usize).prop_map(Step::Cancel),
        1 => (0..4u32).prop_map(Step::Resize),
        1 => prop_oneof![Just(2u64), Just(30), Just(3_600), Just(90_000)].prop_map(Step::Pass),
        1 => (0..40u64).prop_map(Step::Poison),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (9..12u128).prop_map(Step::Join),
        2 => ((9..12u128), prop_oneof![Just(60u64), Just(36_000)])
            .prop_map(|(executor, seconds)| Step::Silent(executor, seconds)),
        1 => (9..12u128).prop_map(Step::Heard),
        1 => (9..12u128).prop_map(Step::Drain),
        1 => (9..12u128).prop_map(Step::Leave),
        2 => (0..8usize).prop_map(Step::Adopt),
        1 => (0..8usize).prop_map(Step::Retry),
    ];
    proptest::collection::vec(step, 10..120)
}

fn history(steps: &[Step]) -> History {
    let mut history = History::new(2);
    for step in steps {
        let live: Vec<_> = history.core.state().runs.keys().copied().collect();
        let pick = |n: &usize| live.get(n % live.len().max(1)).copied();
        match step {
            Step::Deliver(n) => {
                history.deliver(&format!("delivery-{n}"), "issues", *n);
            }
            Step::Ignored(n) => {
                history.deliver(&format!("star-{n}"), "watch", *n);
            }
            Step::Start(n) => {
                pick(n).map(|run| history.start(run));
            }
            Step::Finish(n, end) => {
                if let Some(run) = pick(n) {
                    let execution = history.execution(run);
                    history.finish(execution, end_of(*end));
                }
            }
            Step::Cancel(n) => {
                if let Some(run) = pick(n) {
                    history.command(Command::CancelRun { run });
                }
            }
            Step::Resize(size) => history.resize(*size),
            Step::Pass(seconds) => history.pass(*seconds),
            Step::Poison(n) => history.poison(&format!("delivery-{n}")),
            Step::Pause(paused) => history.pause(*paused),
            Step::Join(n) => history.join(executor(*n)),
            Step::Silent(n, seconds) => {
                history.silent(executor(*n), Duration::from_secs(*seconds));
            }
            Step::Heard(n) => history.heard(executor(*n)),
            Step::Drain(n) => history.report_as(executor(*n), Report::Draining),
            Step::Leave(n) => history.report_as(executor(*n), Report::Leaving),
            Step::Adopt(n) => {
                if let Some(run) = pick(n) {
                    let holder = history.core.state().runs[&run].executor;
                    let execution = history.execution(run);
                    history.report_as(holder.unwrap_or(executor(9)), Report::Adopt(execution));
                }
            }
            Step::Retry(n) => {
                let known: Vec<_> = history.requests.keys().copied().collect();
                if let Some(run) = known.get(n % known.len().max(1)) {
                    history.retry(*run, 1_000 + *n as u128);
                }
            }
        }
    }
    history
}

fn end_of(n: u8) -> End {
    match n {
        0 => End::Exited { code: 0 },
        1 => End::Exited { code: 3 },
        2 => End::Signaled { signal: 9 },
        3 => End::DeadlineExceeded,
        4 => End::Canceled,
        _ => End::Lost,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_do_not_depend_on_batches_or_interruptions() {
    let (send, mut histories) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        let config = Config {
            cases: 5,
            ..Config::default()
        };
        let mut runner = TestRunner::new(config);
        let _ = runner.run(&steps(), |steps| {
            send.blocking_send(steps)
                .map_err(|_| TestCaseError::fail("the test has failed"))
        });
    });
    let mut compared = 0;
    while let Some(steps) = histories.recv().await {
        let commits = history(&steps).commits;
        let last = commits.len() as u64;
        let single = rows(&[(1, last)], &commits).await;
        assert!(
            single.len() > commits.len(),
            "the journal alone has a row per commit"
        );
        assert_eq!(rows(&[(500, last)], &commits).await, single, "{steps:?}");
        let third = last / 3;
        let parts = [(7, third), (500, third + 1), (3, last - 1), (500, last)];
        assert_eq!(rows(&parts, &commits).await, single, "{steps:?}");
        compared += 1;
    }
    assert_eq!(compared, 5);
}

/// The rows after projecting up to each position with batches of a size, each time with new
/// runners.
async fn rows(parts: &[(usize, u64)], commits: &[Vec<u8>]) -> Vec<String> {
    let database = Database::new().await;
    for (batch, until) in parts {
        let log = Log::of(*batch, &commits[..usize::try_from(*until).unwrap()]);
        database.project(&log, *until).await;
    }
    dump(&database.pool).await
}

#[tokio::test]
async fn a_new_version_is_built_from_the_first_commit() {
    let database = Database::new().await;
    let mut history = History::new(1);
    let run = history.run(1);
    history.join(executor(9));
    history.start(run);
    let log = Log::of(500, &history.commits);
    database.project(&log, history.last()).await;
    let rows = dump(&database.pool).await;

    let older = "update projection_checkpoints set version = 0;
        update runs set status = 'failed'; delete from run_timeline;
        update deliveries set reason = 'ping'; delete from slot_leases;
        delete from run_attempts; update slot_executors set standing = 'left';";
    database.execute(older).await;
    assert_ne!(dump(&database.pool).await, rows);
    let (running, _working) = (database.follow(&log), database.work(&log));
    for name in ["journal", "deliveries", "runs", "slots"] {
        running.reach_one(name, history.last()).await;
    }
    maestro_testkit::wait_until(support::SOON, || async {
        dump(&database.pool).await == rows
    })
    .await;
}

#[tokio::test]
async fn rows_of_an_older_version_are_served_until_the_new_ones_are_there() {
    let database = Database::new().await;
    let mut history = History::new(1);
    history.run(1);
    let log = Log::of(500, &history.commits);
    database.project(&log, history.last()).await;
    database
        .execute("update projection_checkpoints set version = 0 where name = 'runs'")
        .await;
    let before = history.last();
    history.run(2);
    log.extend(&history.commits);

    let running = database.follow(&log);
    running.reach_one("slots", history.last()).await;
    maestro_testkit::wait_until(support::SOON, || async {
        running.of("runs").health == Health::Rebuilding
    })
    .await;
    assert_eq!(served(&database).await, 1);
    let status = database.model.projections().await.unwrap();
    let runs = status.iter().find(|each| each.name == "runs").unwrap();
    assert_eq!((runs.version, runs.revision), (0, before));
    assert!(runs.wanted > 0 && runs.stopped.is_none());

    // Called off, it is not begun again by itself, and says why it stands still.
    assert_eq!(database.model.cancel_jobs("runs").await.unwrap().len(), 1);
    let _working = database.work(&log);
    let why = running.stopped("runs").await;
    assert!(why.contains("was canceled"), "{why}");
    drop(running);
    let running = database.follow(&log);
    assert!(running.stopped("runs").await.contains("was canceled"));

    let asked = database.model.ask("runs", JobKind::Rebuild, None).await;
    assert!(matches!(asked.unwrap(), Asked::New(_)));
    let running = database.follow(&log);
    running.reach_one("runs", history.last()).await;
    assert_eq!(served(&database).await, 2);
}

/// Runs that readers see.
async fn served(database: &Database) -> usize {
    let (any, first) = (<_>::default(), <_>::default());
    let page = database.model.list_runs(&any, &first).await;
    page.unwrap().rows.len()
}
