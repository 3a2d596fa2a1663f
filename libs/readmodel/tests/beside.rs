//! Rows are built beside the live ones and take their place.
#![allow(clippy::unwrap_used)]

mod support;

use maestro_domain::report::End;
use maestro_readmodel::{Asked, JobKind, JobState, ReadModel, projections};
use maestro_testkit::wait_until;
use support::{Database, History, Log, SOON, dump, executor};

const INDEXES: &str = "select replace(indexdef, schemaname || '.', '') from pg_indexes
    where schemaname = current_schema() order by 1";
const GRANTS: &str = "select table_name || ' ' || grantee || ' ' || privilege_type
    from information_schema.role_table_grants where table_schema = current_schema()
    and table_name <> '_sqlx_migrations' order by 1";
const LEFT_OVER: &str = "select nspname::text from pg_namespace where nspname like 'maestro_%'";
const GENERATIONS: &str = "select name || ' ' || generation from projection_checkpoints
    where generation > 0 order by 1";

/// Runs that ended, run, wait; deliveries of every outcome; executors.
fn history(runs: u64) -> History {
    let mut history = History::new(3);
    history.join(executor(9));
    for number in 0..runs {
        let run = history.run(number);
        if number % 5 != 4 {
            let execution = history.start(run);
            history.pass(3);
            let code = i32::try_from(number % 3).unwrap();
            history.finish(execution, End::Exited { code });
        }
        history.deliver(&format!("star-{number}"), "watch", number);
    }
    history
}

async fn rebuild(database: &Database, names: &[&str]) {
    for name in names {
        let asked = database.model.ask(name, JobKind::Rebuild, None).await;
        assert!(matches!(asked.unwrap(), Asked::New(_)));
    }
    for name in names {
        let job = database.over(name, JobKind::Rebuild).await;
        assert_eq!(job.state, JobState::Done, "{:?}", job.message);
    }
}

const ALL: [&str; 4] = ["journal", "deliveries", "runs", "slots"];

#[tokio::test]
async fn truncated_rows_are_the_same_again_with_their_indexes_and_grants() {
    let database = Database::new().await;
    let history = history(30);
    let log = Log::of(50, &history.commits);
    database.project(&log, history.last()).await;
    database
        .execute("grant select on runs, slot_pools to public")
        .await;
    let rows = dump(&database.pool).await;
    let (indexes, grants) = (database.ask(INDEXES).await, database.ask(GRANTS).await);
    assert!(indexes.len() > 20 && grants.iter().any(|g| g == "runs PUBLIC SELECT"));

    let empty = "truncate journal, deliveries, runs, run_timeline, run_attempts, slot_projects,
        slot_pools, slot_leases, slot_runs, slot_executors";
    database.execute(empty).await;
    assert!(dump(&database.pool).await.is_empty());
    let _working = database.work(&log);
    rebuild(&database, &ALL).await;
    assert_eq!(dump(&database.pool).await, rows);
    assert_eq!(database.ask(INDEXES).await, indexes);
    assert_eq!(database.ask(GRANTS).await, grants);
    assert!(database.ask(LEFT_OVER).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_projections_go_on_and_readers_never_see_less() {
    let database = Database::new().await;
    let history = history(120);
    let half = history.commits.len() / 2;
    let log = Log::of(20, &history.commits[..half]);
    let running = database.follow(&log);
    running.reach(half as u64).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reading = tokio::spawn(read_until(database.model.clone(), stopped));
    for name in ALL {
        let asked = database.model.ask(name, JobKind::Rebuild, Some(400)).await;
        assert!(matches!(asked.unwrap(), Asked::New(_)));
    }
    let _working = database.work(&log);
    for end in (half..history.commits.len()).step_by(10) {
        log.extend(&history.commits[..end]);
        running.reach_one(projections::RUNS, end as u64).await;
    }
    for name in ALL {
        let job = database.over(name, JobKind::Rebuild).await;
        assert_eq!(job.state, JobState::Done, "{:?}", job.message);
    }
    log.extend(&history.commits);
    running.reach(history.last()).await;
    stop.send_replace(true);
    assert!(reading.await.unwrap() > 1);

    let other = Database::new().await;
    other.project(&log, history.last()).await;
    assert_eq!(dump(&database.pool).await, dump(&other.pool).await);
    assert_eq!(database.ask(GENERATIONS).await.len(), 4);
}

/// Reads until it is stopped; the number of reads.
async fn read_until(model: ReadModel, stopped: tokio::sync::watch::Receiver<bool>) -> u32 {
    let (mut seen, mut reads) = (0, 0);
    while !*stopped.borrow() {
        let revision = model.revision(projections::RUNS).await.unwrap();
        assert!(revision >= seen, "went back from {seen} to {revision}");
        let page = model.list_runs(&<_>::default(), &<_>::default()).await;
        assert_eq!(page.unwrap().rows.len(), 50, "at revision {revision}");
        (seen, reads) = (revision, reads + 1);
    }
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_rebuilders_one_does_the_job_and_a_second_request_is_told_so() {
    let database = Database::new().await;
    let history = history(60);
    let log = Log::of(20, &history.commits);
    database.project(&log, history.last()).await;
    let rows = dump(&database.pool).await;
    let model = &database.model;
    let asked = model.ask("runs", JobKind::Rebuild, None).await.unwrap();
    let Asked::New(first) = asked else {
        panic!("{asked:?}")
    };
    let again = model.ask("runs", JobKind::Rebuild, None).await.unwrap();
    assert!(matches!(again, Asked::UnderWay(job) if job.number == first.number));
    let (_one, _other) = (database.work(&log), database.work(&log));
    for round in 1..=5 {
        let job = database.over("runs", JobKind::Rebuild).await;
        assert_eq!((job.state, job.number), (JobState::Done, round));
        assert_eq!(dump(&database.pool).await, rows);
        let generations = database.ask(GENERATIONS).await;
        assert_eq!(generations, [format!("runs {round}")]);
        model.ask("runs", JobKind::Rebuild, None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_crashes_anywhere_goes_on_where_it_was() {
    let database = Database::new().await;
    let history = history(200);
    let log = Log::of(10, &history.commits);
    database.project(&log, history.last()).await;
    let rows = dump(&database.pool).await;
    database.execute("truncate runs, run_timeline").await;
    // Slow enough to be interrupted, in chunks of 25.
    let rate = Some(100);
    let asked = database.model.ask("runs", JobKind::Rebuild, rate).await;
    assert!(matches!(asked.unwrap(), Asked::New(_)));
    let mut reached = 0;
    for _ in 0..10 {
        let working = database.work(&log);
        wait_until(SOON, || async {
            built(&database).await.is_some_and(|seq| seq > reached)
        })
        .await;
        working.crash().await;
        let now = built(&database).await.unwrap();
        assert!(now > reached, "it began again: {now} after {reached}");
        reached = now;
    }
    let job = database.job("runs", JobKind::Rebuild).await.unwrap();
    assert!(!job.state.is_over() && reached.unsigned_abs() < history.last());
    let _working = database.work(&log);
    let job = database.over("runs", JobKind::Rebuild).await;
    assert_eq!((job.state, job.number), (JobState::Done, 1));
    assert_eq!(dump(&database.pool).await, rows);
}

/// How far the rows beside the live ones are.
async fn built(database: &Database) -> Option<i64> {
    let found = sqlx::query_scalar("select seq from maestro_rebuild_runs.projection_checkpoints");
    found.fetch_optional(&database.pool).await.ok().flatten()
}

#[tokio::test]
async fn a_canceled_rebuild_leaves_nothing_and_the_live_rows_as_they_were() {
    let database = Database::new().await;
    let history = history(40);
    let log = Log::of(10, &history.commits);
    database.project(&log, history.last()).await;
    let rows = dump(&database.pool).await;
    let model = &database.model;
    model.ask("slots", JobKind::Rebuild, Some(4)).await.unwrap();
    let _working = database.work(&log);
    wait_until(SOON, || async {
        let job = database.job("slots", JobKind::Rebuild).await.unwrap();
        job.state == JobState::Building && job.revision > 0
    })
    .await;
    assert_eq!(model.cancel_jobs("slots").await.unwrap().len(), 1);
    let job = database.over("slots", JobKind::Rebuild).await;
    assert_eq!(job.state, JobState::Canceled);
    assert_eq!(dump(&database.pool).await, rows);
    assert!(database.ask(LEFT_OVER).await.is_empty());
    assert!(model.cancel_jobs("slots").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_applied_fails_the_rebuild_and_not_the_live_rows() {
    let database = Database::new().await;
    let mut history = history(10);
    let log = Log::of(10, &history.commits);
    database.project(&log, history.last()).await;
    let rows = dump(&database.pool).await;
    let last = history.last();
    history.run(1_000);
    let poison = Log::new(10);
    poison.extend(&history.commits[..usize::try_from(last).unwrap()]);
    poison.put(last, b"{}".to_vec());
    let model = &database.model;
    model.ask("runs", JobKind::Rebuild, None).await.unwrap();
    let _working = database.work(&poison);
    let job = database.over("runs", JobKind::Rebuild).await;
    assert_eq!(job.state, JobState::Failed);
    let why = job.message.unwrap();
    assert!(why.contains(&format!("sequence {last}")), "{why}");
    assert_eq!(dump(&database.pool).await, rows);
    assert!(database.ask(LEFT_OVER).await.is_empty());
}

#[tokio::test]
async fn a_changed_journal_is_not_replaced() {
    let database = Database::new().await;
    let history = history(5);
    let log = Log::of(10, &history.commits);
    database.project(&log, history.last()).await;
    database
        .execute(
            "alter table journal disable trigger user;
             update journal set subject = 'other' where n = 7; delete from journal where n = 3;
             alter table journal enable trigger user;",
        )
        .await;
    let rows = dump(&database.pool).await;
    let model = &database.model;
    model.ask("journal", JobKind::Rebuild, None).await.unwrap();
    let _working = database.work(&log);
    let job = database.over("journal", JobKind::Rebuild).await;
    assert_eq!(job.state, JobState::Failed);
    let why = job.message.unwrap();
    assert!(why.contains("journal keeps another row (7)"), "{why}");
    assert_eq!(dump(&database.pool).await, rows);
}
